"""The alarms; docs/operations.md says for each what it means and what to do."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from constructs import Construct

from infra import kpis
from infra.constructs.cache import Cache
from infra.constructs.database import Database
from infra.constructs.http_api import HttpApi
from infra.constructs.queues import MachineQueue, QueueWithDeadLetters
from infra.constructs.state_machine import StateMachine
from infra.names import kebab_case
from infra.settings import Settings

MINUTE: Final = Duration.minutes(1)
FIVE_MINUTES: Final = Duration.minutes(5)
COMPARE: Final = cloudwatch.ComparisonOperator
LEAST_FREE_SHARE: Final = 0.05  # of the storage: RDS enlarges it at 0.1, so that an alarm means that it did not
GIGABYTE: Final = 1024**3
LEAST_FREE_MEMORY: Final = 200 * 1024**2  # bytes; RDS asks for 300 MiB for sign-ins with IAM
# Without writes the lag of a replica grows to five minutes, until RDS writes something itself.
REPLICA_BEHIND: Final = 600  # seconds
SLOW_EXECUTION: Final = 8000  # ms


class Alarms(Construct):
    """One alarm for each thing that an operator can do something about; all go to one topic.

    `add_...` makes those of one construct; the metrics are the construct's own.
    """

    def __init__(self, scope: Construct, id: str, settings: Settings, topic: sns.ITopic) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self._action = actions.SnsAction(topic)
        self.alarms: list[cloudwatch.Alarm] = []

    def _alarm(
        self,
        id: str,
        text: str,
        metric: cloudwatch.IMetric,
        threshold: float,
        *,
        minutes: int = 1,
        comparison: cloudwatch.ComparisonOperator = COMPARE.GREATER_THAN_THRESHOLD,
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
            treat_missing_data=cloudwatch.TreatMissingData.NOT_BREACHING,
        )
        alarm.add_alarm_action(self._action)
        alarm.add_ok_action(self._action)
        self.alarms.append(alarm)

    def add_queue(self, queue: QueueWithDeadLetters) -> None:
        self._alarm(
            f"{queue.label}-dead-letters",
            f"Messages of the queue {queue.label} were given up: find the cause, then redrive them.",
            queue.dead_letters_waiting(),
            0,
        )
        if isinstance(queue, MachineQueue):
            self._alarm(
                f"{queue.label}-delayed",
                f"The oldest message of the queue {queue.label} waits for minutes: its pipe has stopped or holds back, "
                "or every try fails.",
                queue.age_of_oldest(),
                120,
                minutes=3,
            )

    def add_machine(self, machine: StateMachine) -> None:
        queued = machine.catalog.queue is not None
        self._alarm(
            f"{machine.label}-failed",
            f"Executions of {machine.label} fail: see them in the console."
            + (" Their messages come again, and go to the dead-letter queue in the end." if queued else ""),
            machine.failed(),
            2 if queued else 0,
        )
        if queued:
            text = f"P95 of an execution of {machine.label} is over {SLOW_EXECUTION // 1000} s."
            self._alarm(f"{machine.label}-slow", text, machine.duration("p95"), SLOW_EXECUTION, minutes=3)

    def add_api(self, api: HttpApi) -> None:
        self._alarm(
            "api-server-errors",
            "The HTTP API answers 5xx: WhatsApp tries again for a week, but parents wait.",
            api.api.metric_server_error(period=MINUTE, statistic="Sum"),
            2,
            minutes=2,
        )

    def add_functions(self) -> None:
        """One alarm for all functions of the account: an alarm costs as much as each metric that it looks at."""
        self._alarm(
            "functions-errors",
            "A function of this account fails: the dashboard's errors show which one.",
            lambda_.Function.metric_all_errors(period=FIVE_MINUTES, statistic="Sum"),
            2,
        )
        self._alarm(
            "functions-throttled",
            "Functions of this account are throttled: raise its concurrency, or the reserved concurrency in cdk.json.",
            lambda_.Function.metric_all_throttles(period=MINUTE, statistic="Sum"),
            0,
            minutes=3,
        )

    def add_database(self, database: Database) -> None:
        self._alarm(
            "database-busy",
            "The primary's processor is over 80 %: a larger instance, or a query that went wrong.",
            database.primary_metric("CPUUtilization"),
            80,
            minutes=3,
        )
        self._free_storage("database-full", "primary", database.primary_metric("FreeStorageSpace", "Minimum"))
        self._free_memory("database-memory", "primary", database.primary_metric("FreeableMemory", "Minimum"))
        if database.replica:
            self._alarm(
                "replica-behind",
                "The replica is ten minutes behind: reads of what was just written go to the primary meanwhile.",
                database.replica_metric("ReplicaLag", "Maximum", MINUTE),
                REPLICA_BEHIND,
                minutes=5,
            )
            self._free_storage("replica-full", "replica", database.replica_metric("FreeStorageSpace", "Minimum"))
            self._free_memory("replica-memory", "replica", database.replica_metric("FreeableMemory", "Minimum"))

    def _free_storage(self, id: str, instance: str, metric: cloudwatch.IMetric) -> None:
        text = f"Less than 5 % of the storage is free on the {instance}, and RDS has not enlarged it."
        least = LEAST_FREE_SHARE * self._settings.database.storage * GIGABYTE
        self._alarm(id, text, metric, least, comparison=COMPARE.LESS_THAN_THRESHOLD)

    def _free_memory(self, id: str, instance: str, metric: cloudwatch.IMetric) -> None:
        text = f"Less than 200 MB of memory is free on the {instance}: sign-ins with IAM become slow, then fail."
        below = COMPARE.LESS_THAN_THRESHOLD
        self._alarm(id, text, metric, LEAST_FREE_MEMORY, minutes=3, comparison=below)

    def add_cache(self, cache: Cache) -> None:
        self._alarm(
            "cache-throttled",
            "The cache is at its ceiling: raise cache.maximum_requests in cdk.json.",
            cache.metric("ThrottledCmds", MINUTE),
            0,
            minutes=3,
        )

    def add_own_metrics(self) -> None:
        """What the functions themselves count and measure."""
        for item in kpis.ALARMS:
            metric = self._own_metric(item.metric, item.function, "Sum")
            self._alarm(f"{kebab_case(item.metric)}-{kebab_case(item.function)}", item.meaning, metric, item.tolerated)
        slow = self._own_metric("ResponseTime", kpis.ANSWERING, "p95")
        what = "P95 of the response time is over its target: the dashboard's waterfall shows the slow step."
        self._alarm("slow-answers", what, slow, kpis.P95_TARGET, minutes=3)

    def _own_metric(self, name: str, function: str, statistic: str) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=kpis.namespace(self._settings.environment),
            metric_name=name,
            dimensions_map={"service": function},
            statistic=statistic,
            period=FIVE_MINUTES,
        )
