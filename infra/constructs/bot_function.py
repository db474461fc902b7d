"""A Lambda function of the catalog."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra import catalog
from infra.catalog import Side
from infra.constructs.acknowledge import acknowledge
from infra.constructs.function_role import function_role
from infra.constructs.log_group import log_group
from infra.constructs.vpc import DataNetwork
from infra.names import kebab_case
from infra.settings import Settings

ALIAS = "live"  # every caller uses it; a release moves it
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
        log = log_group(self, "Log", f"/aws/lambda/{name}", settings.log_days)
        self.function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description=function.purpose[:256],
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
            tracing=lambda_.Tracing.ACTIVE,
            reserved_concurrent_executions=settings.reserved(function.name),
            current_version_options=lambda_.VersionOptions(
                # Kept, so that the alias can be moved back at once. Not with SnapStart, where each version's snapshot
                # is charged for, and not after a rolled-back deployment, which could then not be repeated.
                removal_policy=RemovalPolicy.DESTROY if snap_start else RemovalPolicy.RETAIN_ON_UPDATE_OR_DELETE
            ),
            snap_start=lambda_.SnapStartConf.ON_PUBLISHED_VERSIONS if snap_start else None,
        )
        least, most = settings.provisioned(function.name)
        self.alias = lambda_.Alias(
            self,
            "Live",
            alias_name=ALIAS,
            version=self.function.current_version,
            provisioned_concurrent_executions=least or None,
        )
        if most > least:
            scaling = self.alias.add_auto_scaling(min_capacity=least, max_capacity=most)
            scaling.scale_on_utilization(utilization_target=0.7)
        acknowledge(
            self.function,
            {
                "AwsSolutions-L1": LATEST,
                "Serverless-LambdaLatestVersion": LATEST,
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

    def errors_of_new_version(self) -> cloudwatch.Metric:
        """Failed calls in a minute, of the version that this deployment brings."""
        name = self.function.function_name
        dimensions = {
            "FunctionName": name,
            "Resource": f"{name}:{ALIAS}",
            "ExecutedVersion": self.function.current_version.version,
        }
        return self.alias.metric_errors(period=Duration.minutes(1), statistic="Sum", dimensions_map=dimensions)

    def _metric(self, metric_name: str, statistic: str) -> cloudwatch.Metric:
        # Found by name: a reference would be an export, and the function could not be removed from the catalog.
        return cloudwatch.Metric(
            namespace="AWS/Lambda",
            metric_name=metric_name,
            dimensions_map={"FunctionName": self.name, "Resource": f"{self.name}:{ALIAS}"},
            statistic=statistic,
            period=Duration.minutes(5),
        )
