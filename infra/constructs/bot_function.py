"""A Lambda function of the catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import catalog
from infra.catalog import Side, Trigger
from infra.constructs.acknowledge import acknowledge
from infra.constructs.function_role import function_role
from infra.constructs.log_group import log_group
from infra.constructs.vpc import DataNetwork
from infra.names import ALIAS, kebab_case
from infra.settings import Settings

ARCHITECTURE = lambda_.Architecture.ARM_64
RUNTIME = lambda_.Runtime.PYTHON_3_13
LATEST = "The layers and their byte code are built for python3.13."


@dataclass(frozen=True)
class Package:
    """The code package, and the layers by their names in the catalog."""

    code: lambda_.Code
    layers: Mapping[str, lambda_.ILayerVersion]


class BotFunction(Construct):
    """One function of the catalog with its role, its log group and its `live` alias."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        *,
        function: catalog.Function,
        settings: Settings,
        package: Package,
        environment: Mapping[str, str],
        permissions: Sequence[iam.PolicyStatement],
        network: DataNetwork,
    ) -> None:
        super().__init__(scope, id)
        self.catalog = function
        self.label = kebab_case(function.name)
        self.name = name = settings.name(self.label)
        inside = function.side is Side.DATA
        snap_start = settings.snap_starts(function.name)
        warm = settings.provisioned(function.name)
        is_called_from_outside = function.trigger in (Trigger.HTTP, Trigger.QUEUE)
        self.log_group_name = f"/aws/lambda/{name}"
        log = log_group(self, "Log", self.log_group_name, settings.log_days)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            # CloudFormation cannot change what is kept warm of a version; another description is another version.
            description=f"{function.purpose[:240]}{f' ({warm} warm)' if warm else ''}",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=package.code,
            handler=function.handler,
            layers=[package.layers[layer] for layer in function.layers],
            memory_size=settings.of_function(function.name).memory or function.memory,
            timeout=Duration.seconds(function.timeout),
            environment=dict(environment),
            role=function_role(self, name, permissions, inside=inside),
            vpc=network.vpc if inside else None,
            vpc_subnets=network.subnets if inside else None,
            security_groups=[network.functions] if inside else None,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
            system_log_level_v2=lambda_.SystemLogLevel.INFO,  # includes the duration of cold starts
            # Never above INFO, the level of metrics; LOG_LEVEL filters the lines of the functions themselves.
            application_log_level_v2=(
                lambda_.ApplicationLogLevel.DEBUG if settings.log_level == "DEBUG" else lambda_.ApplicationLogLevel.INFO
            ),
            # One trace for each message, that of its execution: the others would be five more.
            tracing=lambda_.Tracing.PASS_THROUGH if is_called_from_outside else lambda_.Tracing.ACTIVE,
            reserved_concurrent_executions=settings.reserved(function.name),
            current_version_options=lambda_.VersionOptions(
                # What is kept warm belongs to the version: both releases are, until CloudFormation removes the old one
                # at the end of a deployment that succeeded.
                provisioned_concurrent_executions=warm or None,
                removal_policy=RemovalPolicy.DESTROY,
            ),
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
        )
        self.alias = lambda_.Alias(self, "Live", alias_name=ALIAS, version=self.function.current_version)
        self.version_arn = self.function.current_version.function_arn
        # By name: what CDK makes of a function's ARN and a wildcard cannot be acknowledged by one reason.
        self.versions_arn = f"arn:{Aws.PARTITION}:lambda:{Aws.REGION}:{Aws.ACCOUNT_ID}:function:{name}:*"
        acknowledge(
            self.function,
            {
                "AwsSolutions-L1": LATEST,
                "Serverless-LambdaLatestVersion": LATEST,
                **({"Serverless-LambdaTracing": "Its calls begin no trace."} if is_called_from_outside else {}),
                "Serverless-LambdaDLQ": "Every call is synchronous or comes from SQS, which has a dead-letter queue. A "
                "wake-up that is lost is repeated a week later.",
            },
        )

    def errors(self) -> cloudwatch.Metric:
        """Failed calls in five minutes, of all versions that are live: a small school has few calls in one."""
        return self._metric("Errors", "Sum")

    def duration(self, statistic: str) -> cloudwatch.Metric:
        """In milliseconds."""
        return self._metric("Duration", statistic)

    def _metric(self, metric_name: str, statistic: str) -> cloudwatch.Metric:
        # Found by name: a reference would be an export, and the function could not be removed from the catalog.
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=metric_name,
            dimensions_map={"FunctionName": self.name},
            statistic=statistic,
            period=Duration.minutes(5),
        )
