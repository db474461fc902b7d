"""What wakes an operator; docs/operations.md says for each alarm what it means and what to do."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_cloudwatch_actions as actions
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sns as sns
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra import kpis
from infra.constructs.database import Database
from infra.constructs.message_queues import MessageQueues
from infra.settings import Settings
from infra.stacks.bot import BotStack

MINUTE: Final = Duration.minutes(1)
FIVE_MINUTES: Final = Duration.minutes(5)
COMPARE: Final = cloudwatch.ComparisonOperator


class Alarms(Construct):
    """One alarm for each thing that an operator can do something about; all go to one topic."""

    def __init__(
        self, scope: Construct, id: str, settings: Settings, bot: BotStack, database: Database, topic: sns.ITopic
    ) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self._action = actions.SnsAction(topic)
        self.alarms: list[cloudwatch.Alarm] = []
        self._queues(bot.queues)
        self._conversation(bot)
        self._student_sync(bot)
        self._front_door(bot)
        self._functions(bot)
        self._database(database)
        self._cache(bot)
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
        for id, queue, what in (
            ("dead-messages", queues.dead_messages, "Messages of parents were given up: redrive them when it works."),
            ("dead-events", queues.dead_events, "Statuses or notices were given up: see the log of record-delivery."),
        ):
            waiting = queue.metric_approximate_number_of_messages_visible(period=MINUTE, statistic="Maximum")
            self._alarm(id, what, waiting, 0)
        oldest = queues.messages.metric_approximate_age_of_oldest_message(period=MINUTE, statistic="Maximum")
        self._alarm(
            "messages-wait",
            "Messages wait for minutes: the pipe has stopped or backs off, or every try fails.",
            oldest,
            120,
            minutes=3,
        )

    def _student_sync(self, bot: BotStack) -> None:
        self._alarm(
            "failed-student-sync",
            "The nightly student sync failed: see its execution. New numbers are not known, nobody was deactivated.",
            _failed(bot.student_sync.machine),
            0,
        )

    def _conversation(self, bot: BotStack) -> None:
        machine = bot.conversation.machine
        self._alarm(
            "failed-conversations",
            "Executions fail: parents hear nothing until a try succeeds. WhatsApp is down, or its token is.",
            _failed(machine),
            2,
        )
        self._alarm(
            "slow-conversations",
            "P95 of an execution is over 8 s.",
            machine.metric_time(period=FIVE_MINUTES, statistic="p95"),
            8000,
            minutes=3,
        )
        pipe = {"PipeName": bot.pipe.name}
        for id, name, what in (
            ("pipe-failing", "ExecutionFailed", "The pipe fails by itself, or its target does: see its log."),
            ("pipe-throttled", "ExecutionThrottled", "The pipe is held back: raise the account's quotas."),
            ("pipe-late", "ExecutionTimeout", "The pipe gives up waiting for executions."),
        ):
            metric = cloudwatch.Metric(
                namespace="AWS/EventBridge/Pipes",
                metric_name=name,
                dimensions_map=pipe,
                statistic="Sum",
                period=MINUTE,
            )
            self._alarm(id, what, metric, 2, minutes=3)

    def _front_door(self, bot: BotStack) -> None:
        api = bot.front_door.api
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

    def _functions(self, bot: BotStack) -> None:
        for name, item in bot.functions.items():
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

    def _cache(self, bot: BotStack) -> None:
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
