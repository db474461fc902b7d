"""A function that only CloudFormation calls, outside the network; the catalog does not list it."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration, IgnoreMode
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.bot_function import ARCHITECTURE, LATEST, RUNTIME
from infra.constructs.function_role import function_role
from infra.constructs.log_group import log_group
from infra.paths import ROOT
from infra.settings import Settings

PACKAGE: Final = "custom_resources"


def deployment_function(
    scope: Construct,
    settings: Settings,
    name: str,
    *,
    module: str,
    description: str,
    permissions: Sequence[iam.PolicyStatement],
    timeout: Duration,
) -> lambda_.Function:
    """`module`: of `infra/custom_resources`, with a `handler`."""
    full_name = settings.name(name)
    role = function_role(scope, full_name, permissions)
    function = lambda_.Function(
        scope,
        "Function",
        function_name=full_name,
        description=description,
        runtime=RUNTIME,
        architecture=ARCHITECTURE,
        code=lambda_.Code.from_asset(
            str(ROOT / "infra"), exclude=["*", f"!{PACKAGE}", f"!{PACKAGE}/*.py"], ignore_mode=IgnoreMode.GLOB
        ),
        handler=f"{PACKAGE}.{module}.handler",
        memory_size=256,
        timeout=timeout,
        role=role,
        log_group=log_group(scope, "Log", f"/aws/lambda/{full_name}", settings.log_days),
        logging_format=lambda_.LoggingFormat.JSON,
    )
    function.node.add_dependency(role)
    acknowledge(
        function,
        {
            "AwsSolutions-L1": LATEST,
            "Serverless-LambdaLatestVersion": LATEST,
            "Serverless-LambdaTracing": "Runs at a deployment.",
            "Serverless-LambdaDLQ": "CloudFormation waits for its answer and reports what went wrong.",
        },
    )
    return function
