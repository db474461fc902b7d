"""A release goes live as a whole, after it was tried, and is taken back by itself: docs/decisions/0057."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from aws_cdk import Aws, CustomResource, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct

from functions.domain.deployment import RELEASE_CHECK
from infra.catalog import Trigger
from infra.constructs.bot_function import BotFunction
from infra.constructs.deployment_function import deployment_function
from infra.constructs.state_machine import StateMachine
from infra.settings import Settings

# What an operator would see of a bad release within minutes; those that do not exist are passed over.
ALARMS: Final = (
    *("functions-errors", "api-server-errors", "apologies-send-reply"),
    *("conversation-failed", "payment-failed"),
)


class Release(Construct):
    """Three custom resources, each made anew by every release: `functions`, `conversation` and `watch`."""

    def __init__(
        self, scope: Construct, id: str, settings: Settings, functions: Sequence[BotFunction], trial: StateMachine
    ) -> None:
        """`trial`: the new definition of the conversation under a name of its own, which no queue starts."""
        super().__init__(scope, id)
        tried = [item for item in functions if item.catalog.trigger is not Trigger.DEPLOY]
        self._function = deployment_function(
            self,
            settings,
            "release-check",
            module="release_check",
            description="At deploy: tries the new release, and watches it afterwards",
            permissions=[
                iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[item.versions_arn for item in tried]),
                iam.PolicyStatement(actions=["states:StartSyncExecution"], resources=[trial.arn]),
                iam.PolicyStatement(actions=["cloudformation:DescribeStacks"], resources=[Aws.STACK_ID]),
                iam.PolicyStatement(actions=["cloudwatch:DescribeAlarms"], resources=["*"]),
            ],
            timeout=Duration.minutes(15),
        )
        versions = [item.version_arn for item in tried]
        self.starts = self._check("Functions", check="functions", Versions=versions)
        trial.node.add_dependency(self.starts)
        self.trial = self._check(
            "Conversation",
            check="conversation",
            Versions=versions,
            Machine=trial.machine.state_machine_arn,
            Definition=trial.digest,  # a change of the definition alone is a release too
            Sender=RELEASE_CHECK,
        )
        self.trial.node.add_dependency(trial)
        self.watch = self._check(
            "Watch",
            check="watch",
            Versions=versions,
            Definition=trial.digest,
            Seconds=str(60 * settings.release_watch_minutes),
            Alarms=[settings.name(alarm) for alarm in ALARMS],
        )

    def _check(self, id: str, *, check: str, **properties: Any) -> CustomResource:
        return CustomResource(
            self,
            id,
            resource_type="Custom::ReleaseCheck",
            service_token=self._function.function_arn,
            service_timeout=Duration.minutes(16),
            removal_policy=RemovalPolicy.DESTROY,  # Delete does nothing
            properties={"Check": check, **properties},
        )

    def comes_before(self, live: Iterable[Construct]) -> None:
        """These go live after the trial; they are watched afterwards."""
        for item in live:
            item.node.add_dependency(self.trial)
            self.watch.node.add_dependency(item)
