"""The state machines of the catalog, from their definitions."""

import hashlib
from collections.abc import Mapping
from typing import Final

from aws_cdk import Aws, Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra import catalog
from infra.constructs.acknowledge import acknowledge_wildcards
from infra.constructs.bot_function import BotFunction
from infra.constructs.log_group import log_group
from infra.constructs.queues import MachineQueue
from infra.settings import Settings
from infra.state_machine_definition import function_placeholder, placeholders, queue_url_placeholder, substitutions

MINUTE: Final = Duration.minutes(1)
FIVE_MINUTES: Final = Duration.minutes(5)


class StateMachine(Construct):
    """Express if a queue starts it, else Standard; may invoke the functions and send to the queues it names.

    The log of an Express machine holds what goes in and out of each state, since it has no other history. That of a
    Standard machine does not: the console keeps its history, and its data has names and phone numbers.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        settings: Settings,
        machine: catalog.Machine,
        *,
        definition: str,
        functions: Mapping[str, BotFunction],
        queues: Mapping[str, MachineQueue],
        key: kms.IKey,
        suffix: str = "",
    ) -> None:
        """`definition`: its text, with placeholders; `queues`: by the names of the machines that they start.

        An execution of a queued machine takes seconds: its definition names the versions of one release, so that it
        never meets two. One of another takes hours, and would outlive its versions.
        """
        super().__init__(scope, id)
        self.catalog = machine
        self.label = machine.name.replace("_", "-") + suffix
        self.name = settings.name(self.label)
        # Put together from the name: a reference would be an export of its stack, or a circle within it.
        self.arn = f"arn:{Aws.PARTITION}:states:{Aws.REGION}:{Aws.ACCOUNT_ID}:stateMachine:{self.name}"
        self.digest = hashlib.sha256(definition.encode()).hexdigest()[:16]
        arns = {
            name: function.version_arn if machine.queue else function.alias.function_arn
            for name, function in functions.items()
        }
        urls = {name: queue.queue.queue_url for name, queue in queues.items()}
        values = substitutions(arns, urls, settings.school_api.value)
        used = placeholders(definition)
        # `/aws/vendedlogs/`: AWS writes there without a resource policy, of which an account may have ten.
        log = log_group(self, "Log", f"/aws/vendedlogs/states/{self.name}", settings.conversation_log_days, key)
        kind = stepfunctions.StateMachineType
        self.machine = stepfunctions.StateMachine(
            self,
            "Machine",
            state_machine_name=self.name,
            state_machine_type=kind.EXPRESS if machine.queue else kind.STANDARD,
            definition_body=stepfunctions.DefinitionBody.from_string(definition),
            definition_substitutions={name: values[name] for name in used},
            logs=stepfunctions.LogOptions(
                destination=log,
                level=stepfunctions.LogLevel.ALL,
                include_execution_data=machine.queue is not None,
            ),
            tracing_enabled=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # A definition given as text grants nothing by itself.
        invoked = [function for name, function in functions.items() if function_placeholder(name) in used]
        of_machine = [item.versions_arn if machine.queue else item.alias.function_arn for item in invoked]
        self._grant("lambda:InvokeFunction", of_machine)
        sent_to = [queue.queue.queue_arn for name, queue in queues.items() if queue_url_placeholder(name) in used]
        self._grant("sqs:SendMessage", sent_to)
        acknowledge_wildcards(self.machine, [*(of_machine if machine.queue else ()), "*"])

    def _grant(self, action: str, resources: list[str]) -> None:
        if resources:
            self.machine.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=resources))

    def failed(self) -> cloudwatch.MathExpression:
        """Executions a minute that failed or timed out; a person aborts them.

        SUM passes over a metric without a value; with `+` there would be no sum at all. FILL would not do in an alarm:
        it makes a zero of a value that only has not arrived yet.
        """
        counts = {"failed": "ExecutionsFailed", "late": "ExecutionsTimedOut"}
        return cloudwatch.MathExpression(
            expression="SUM([failed, late])",
            using_metrics={name: self._metric(metric, "Sum", MINUTE) for name, metric in counts.items()},
            period=MINUTE,
        )

    def duration(self, statistic: str) -> cloudwatch.Metric:
        """In milliseconds."""
        return self._metric("ExecutionTime", statistic, FIVE_MINUTES)

    def executions(self, metric_name: str, label: str) -> cloudwatch.Metric:
        """How many in five minutes: `ExecutionsStarted`, `ExecutionsSucceeded` or `ExecutionsFailed`."""
        return self._metric(metric_name, "Sum", FIVE_MINUTES, label)

    def _metric(self, name: str, statistic: str, period: Duration, label: str | None = None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace="AWS/States",
            metric_name=name,
            dimensions_map={"StateMachineArn": self.arn},
            statistic=statistic,
            period=period,
            label=label,
        )
