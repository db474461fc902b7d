"""Canary deployments: a new version gets a tenth of the calls for half an hour, and is rolled back if it fails."""

from aws_cdk import Aws
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_codedeploy as codedeploy
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.acknowledge import acknowledge, readable
from infra.constructs.bot_function import BotFunction
from infra.settings import Settings

_POLICY = "service-role/AWSCodeDeployRoleForLambdaLimited"


class CanaryRollout(Construct):
    """One application of CodeDeploy for all functions."""

    def __init__(self, scope: Construct, id: str, settings: Settings) -> None:
        super().__init__(scope, id)
        self._application = codedeploy.LambdaApplication(self, "Application", application_name=settings.name("rollout"))
        self._role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("codedeploy.amazonaws.com"))
        policy = readable(f"arn:{Aws.PARTITION}:iam::aws:policy/{_POLICY}")
        acknowledge(
            self._role,
            {f"AwsSolutions-IAM4[Policy::{policy}]": "AWS's managed policy for moving aliases is the narrow one."},
        )

    def add(self, id: str, function: BotFunction) -> None:
        """From now on CodeDeploy moves the function's alias."""
        alarm = cloudwatch.Alarm(
            self,
            f"{id}Fails",
            alarm_description="A new version fails: CodeDeploy rolls it back.",
            metric=function.errors_of_new_version(),  # a tenth of the calls: each failure counts
            threshold=1,
            evaluation_periods=1,
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        codedeploy.LambdaDeploymentGroup(
            self,
            id,
            application=self._application,
            role=self._role,
            alias=function.alias,
            deployment_config=codedeploy.LambdaDeploymentConfig.CANARY_10_PERCENT_30_MINUTES,
            alarms=[alarm],
        )
