"""The HTTP API with the routes of the catalog: throttled, and logged without what parents sent."""

import json
from collections.abc import Iterable, Mapping

from aws_cdk import Stack
from aws_cdk import aws_apigatewayv2 as apigateway
from aws_cdk import aws_lambda as lambda_
from aws_cdk.aws_apigatewayv2_authorizers import HttpIamAuthorizer
from aws_cdk.aws_apigatewayv2_integrations import HttpLambdaIntegration
from constructs import Construct

from infra.catalog import Authorization, Route
from infra.constructs.acknowledge import acknowledge
from infra.constructs.log_group import log_group
from infra.names import camel_case
from infra.settings import Settings

# The route instead of the path, which holds the token of a pass. No query string: it holds the verify token.
ACCESS_LOG = {
    "request_id": "$context.requestId",
    "time": "$context.requestTime",
    "route": "$context.routeKey",
    "status": "$context.status",
    "milliseconds": "$context.responseLatency",
    "integration_milliseconds": "$context.integrationLatency",
    "response_bytes": "$context.responseLength",
    "error": "$context.error.message",
    "integration_error": "$context.integrationErrorMessage",
}


class HttpApi(Construct):
    """The API without its routes; they are added later, since their functions need the address of the API."""

    def __init__(self, scope: Construct, id: str, settings: Settings) -> None:
        super().__init__(scope, id)
        self.api = apigateway.HttpApi(
            self,
            "Api",
            api_name=settings.name("api"),
            description="WhatsApp's webhook and the page behind a gate pass's QR code",
            create_default_stage=False,
        )
        log = log_group(self, "Log", f"/aws/vendedlogs/apis/{settings.name('api')}", settings.log_days)
        self.stage = apigateway.CfnStage(
            self,
            "Stage",
            api_id=self.api.api_id,
            stage_name="$default",
            auto_deploy=True,
            access_log_settings=apigateway.CfnStage.AccessLogSettingsProperty(
                destination_arn=log.log_group_arn, format=json.dumps(ACCESS_LOG)
            ),
            default_route_settings=apigateway.CfnStage.RouteSettingsProperty(
                throttling_rate_limit=settings.api_requests_per_second,
                throttling_burst_limit=settings.api_burst,
            ),
        )

    @property
    def url(self) -> str:
        """Without a trailing slash."""
        stack = Stack.of(self)
        return f"https://{self.api.api_id}.execute-api.{stack.region}.{stack.url_suffix}"

    def arn_of(self, method: str, path: str) -> str:
        """The ARN of one route, for a grant."""
        return self.api.arn_for_execute_api(method, path, "$default")

    def add_routes(self, routes: Iterable[Route], aliases: Mapping[str, lambda_.IFunction]) -> None:
        """Connects each route to the alias of its function (payload format 2.0)."""
        integrations = {name: HttpLambdaIntegration(camel_case(name), alias) for name, alias in aliases.items()}
        for route in routes:
            added = self.api.add_routes(
                path=route.path,
                methods=[apigateway.HttpMethod[route.method]],
                integration=integrations[route.function],
                authorizer=HttpIamAuthorizer() if route.authorization is Authorization.IAM else None,
            )
            if route.authorization is Authorization.IAM:
                continue
            for item in added:
                acknowledge(
                    item,
                    {
                        "AwsSolutions-APIG4": "WhatsApp signs the body and a guard has no account: the function "
                        "itself checks the signature or the pass's token."
                    },
                )
