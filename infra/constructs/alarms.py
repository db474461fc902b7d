"""What wakes an operator; docs/operations.md says for each alarm what it means and what to do."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra import kpis
from infra.catalog import MACHINES
from infra.constructs.bot_function import BotFunction
from infra.constructs.database import Database
from infra.constructs.http_api import FrontDoor
from infra.constructs.message_queues import MessageQueues
from infra.constructs.pipe import QueuePipe
from infra.settings import Settings

MINUTE: Final = Duration.minutes(1)
FIVE_MINUTES: Final = Duration.minutes(5)
COMPARE: Final = cloudwatch.ComparisonOperator


# Machine -> what an operator reads, and how many failed executions a minute are tolerated.
FAILED: Final = {
    "conversation": (
        "Executions fail: parents hear nothing until a try succeeds. WhatsApp is down, or its token is.",
        2,
    ),
    "payment": ("Payment notices fail: receipts wait in the queue. WhatsApp, the database or a bug.", 2),
    "student_sync": (
        "The nightly student sync failed: see its execution. New numbers are not known, nobody was deactivated.",
        0,
    ),
}


@dataclass(frozen=True)
class Watched:
    """What the alarms and the dashboard look at."""

    queues: MessageQueues
    machines: Mapping[str, stepfunctions.StateMachine]
    pipes: Sequence[QueuePipe]
    front_door: FrontDoor
    functions: Mapping[str, BotFunction]
    database: Database


class Alarms(Construct):
    """One alarm for each thing that an operator can do something about; all go to one topic."""

    def __init__(self, scope: Construct, id: str, settings: Settings, watched: Watched, topic: sns.ITopic) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self._action = actions.SnsAction(topic)
        self.alarms: list[cloudwatch.Alarm] = []
        self._queues(watched.queues)
        self._machines(watched.machines)
        self._pipes(watched.pipes)
        self._front_door(watched.front_door)
        self._functions(watched.functions)
        self._database(watched.database)
        self._cache()
        self._answers()

    def _alarm(
        self,
        id: str,
        text: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        *,
        minutes: int = 1,
        comparison: cloudwatch.ComparisonOperator = COMPARE.GREATER_THAN_THRESHOLD,
        missing: cloudwatch.TreatMissingData = cloudwatch.TreatMissingData.NOT_BREACHING,
    ) -> None:
        alarm = cloudwatch.Alarm(
            self,
            id,
            alarm_name=self._settings.name(id),
            alarm_description=text,
            metric=metric,
            threshold=threshold,
            evaluation_periods=minutes,
            comparison_operator=comparison,
            treat_missing_data=missing,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
        self.alarms.append(alarm)

    def _queues(self, queues: MessageQueues) -> None:
        for name, queue in queues.dead_letters.items():
            waiting = queue.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
            self._alarm(
                f"dead-{name}", f"The queue {name} has dead letters: redrive them when the cause is gone.", waiting, 0
            )
        for name, queue in queues.fifo.items():
            self._alarm(
                f"{name}-wait",
                f"The queue {name} waits for minutes: its pipe has stopped or is throttled, or every try fails.",
                queue.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum"),
                120,
                minutes=3,
            )

    def _machines(self, machines: Mapping[str, stepfunctions.StateMachine]) -> None:
        for machine in MACHINES:
            what, tolerated = FAILED[machine.name]
            self._alarm(f"failed-{machine.name.replace('_', '-')}", what, _failed(machines[machine.name]), tolerated)
        self._alarm(
            "slow-conversation",
            "P95 of an execution is over 8 s.",
            machines["conversation"].metric_time(period=FIVE_MINUTES, statistic="p95"),
            8000,
            minutes=3,
        )

    def _pipes(self, pipes: Sequence[QueuePipe]) -> None:
        for pipe, machine in zip(pipes, [item for item in MACHINES if item.queue], strict=True):
            for id, name, what in (
                ("failing", "ExecutionFailed", "The pipe fails by itself, or its target does: see its log."),
                ("throttled", "ExecutionThrottled", "The pipe is throttled: raise the account's quotas."),
                ("late", "ExecutionTimeout", "The pipe stops waiting for executions."),
            ):
                metric = cloudwatch.Metric(
                    namespace="AWS/EventBridge/Pipes",
                    metric_name=name,
                    dimensions_map={"PipeName": pipe.name},
                    statistic="Sum",
                    period=MINUTE,
                )
                self._alarm(f"{machine.name}-pipe-{id}", what, metric, 2, minutes=3)

    def _front_door(self, front_door: FrontDoor) -> None:
        api = front_door.api
        self._alarm(
            "front-door-errors",
            "The front door answers 5xx: WhatsApp tries again for a week, but parents wait.",
            api.metric_server_error(period=MINUTE, statistic="Sum"),
            2,
            minutes=2,
        )
        self._alarm(
            "front-door-refused",
            "Many requests are refused (4xx): the app secret is wrong, or someone is trying.",
            api.metric_client_error(period=FIVE_MINUTES, statistic="Sum"),
            50,
        )

    def _functions(self, functions: Mapping[str, BotFunction]) -> None:
        for name, item in functions.items():
            self._alarm(f"{name.replace('_', '-')}-errors", f"{name} fails: see its log.", item.errors(), 2)
        self._alarm(
            "functions-throttled",
            "Functions of this account are held back: raise its concurrency, or the reserved concurrency in cdk.json.",
            lambda_.Function.metric_all_throttles(period=MINUTE, statistic="Sum"),  # an expression takes ten at most
            0,
            minutes=3,
        )

    def _database(self, database: Database) -> None:
        primary = database.primary
        self._alarm(
            "database-busy",
            "The primary's processor is over 80 %: a larger instance, or a query that went wrong.",
            primary.metric_cpu_utilization(period=FIVE_MINUTES),
            80,
            minutes=3,
        )
        self._alarm(
            "database-full",
            "Less than 2 GB are free on the primary.",
            primary.metric_free_storage_space(period=FIVE_MINUTES, statistic="Minimum"),
            2_000_000_000,
            comparison=COMPARE.LESS_THAN_THRESHOLD,
        )
        if database.replica:
            lag = database.replica.metric("ReplicaLag", period=MINUTE, statistic="Maximum")
            self._alarm(
                "replica-behind",
                "The replica is a minute behind: reads go to the primary meanwhile.",
                lag,
                60,
                minutes=5,
            )
            self._alarm(
                "replica-full",
                "Less than 2 GB are free on the replica.",
                database.replica.metric_free_storage_space(period=FIVE_MINUTES, statistic="Minimum"),
                2_000_000_000,
                comparison=COMPARE.LESS_THAN_THRESHOLD,
            )

    def _answers(self) -> None:
        """What the functions themselves count as in need of a person."""
        for trouble in kpis.TROUBLES:
            metric = cloudwatch.Metric(
                namespace=kpis.namespace(self._settings.environment),
                metric_name=trouble.metric,
                dimensions_map={"service": trouble.function},
                statistic="Sum",
                period=FIVE_MINUTES,
            )
            id = f"{kebab_case(trouble.metric)}-{trouble.function.replace('_', '-')}"
            self._alarm(id, trouble.meaning, metric, trouble.tolerated)
        slow = cloudwatch.Metric(
            namespace=kpis.namespace(self._settings.environment),
            metric_name="ResponseTime",
            dimensions_map={"service": kpis.ANSWERING},
            statistic="p95",
            period=FIVE_MINUTES,
        )
        what = "P95 of the answers is past its target: the dashboard's waterfall says where the time goes."
        self._alarm("slow-answers", what, slow, kpis.P95_TARGET, minutes=3)

    def _cache(self) -> None:
        throttled = cloudwatch.Metric(
            namespace="AWS/ElastiCache",
            metric_name="ThrottledCmds",
            dimensions_map={"clusterId": self._settings.name("cache")},
            statistic="Sum",
            period=MINUTE,
        )
        self._alarm(
            "cache-throttled",
            "The cache is at its ceiling: raise cache.maximum_requests in cdk.json.",
            throttled,
            0,
            minutes=3,
        )


def kebab_case(name: str) -> str:
    """FailedDeliveries -> failed-deliveries."""
    return "".join(f"-{sign.lower()}" if sign.isupper() else sign for sign in name).lstrip("-")


def _failed(machine: stepfunctions.StateMachine) -> cloudwatch.MathExpression:
    """Executions a minute that came to no good end.

    SUM passes over a metric that has no value; with `+` there would be no sum at all. FILL would be no help in an
    alarm: it makes a zero of what has only not arrived yet.
    """
    return cloudwatch.MathExpression(
        expression="SUM([failed, late, aborted])",
        using_metrics={
            "failed": machine.metric_failed(period=MINUTE),
            "late": machine.metric_timed_out(period=MINUTE),
            "aborted": machine.metric_aborted(period=MINUTE),
        },
        period=MINUTE,
    )
