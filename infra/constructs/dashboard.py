"""The dashboard: KPIs, replies, executions, functions and stores."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra import kpis
from infra.constructs.bot_function import BotFunction
from infra.constructs.cache import Cache
from infra.constructs.database import Database
from infra.constructs.http_api import HttpApi
from infra.constructs.queues import QueueWithDeadLetters
from infra.constructs.state_machine import StateMachine
from infra.settings import Settings

FIVE_MINUTES: Final = Duration.minutes(5)


class Dashboard(Construct):
    """One method for each row of widgets."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        settings: Settings,
        *,
        alarms: Sequence[cloudwatch.IAlarm],
        machines: Sequence[StateMachine],
        queues: Sequence[QueueWithDeadLetters],
        functions: Sequence[BotFunction],
        api: HttpApi,
        database: Database,
        cache: Cache,
    ) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self._namespace = kpis.namespace(settings.environment)
        self.dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=settings.name("assistant"), default_interval=Duration.hours(12)
        )
        self.dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms), width=24, height=4)
        )
        self.dashboard.add_widgets(*self._kpis())
        self.dashboard.add_widgets(*self._answers())
        for machine in machines:
            if machine.catalog.queue:
                self.dashboard.add_widgets(*self._executions(machine))
        self.dashboard.add_widgets(*self._queues(queues))
        self.dashboard.add_widgets(*self._functions(functions, api))
        self.dashboard.add_widgets(*self._stores(database, cache))

    def _kpis(self) -> list[cloudwatch.IWidget]:
        """The plan's KPI table, each with its target as a line."""
        average, p95 = (self._metric("ResponseTime", statistic, kpis.ANSWERING) for statistic in ("Average", "p95"))
        cold = _ratio("cold starts (%)", self._total("ColdStarts"), self._total("Invocations"))
        hits = _ratio("hits (%)", self._total("CacheHits"), self._total("CacheHits", "CacheMisses"))
        # Running sums over the graph: ratings are few, and a changed rating counts -1 for the old one.
        up, both = self._total("FeedbackUp"), self._total("FeedbackUp", "FeedbackDown")
        feedback = _ratio("👍 (%)", f"RUNNING_SUM({up})", f"RUNNING_SUM({both})")
        return [
            _against("Response time, average (ms)", average, kpis.AVERAGE_TARGET),
            _against("Response time, P95 (ms)", p95, kpis.P95_TARGET),
            _against("Cold-start rate (%)", cold, kpis.COLD_START_TARGET),
            _against("Cache hit rate (%)", hits, kpis.CACHE_HIT_TARGET),
            _against("Parents' feedback (% 👍)", feedback, kpis.FEEDBACK_TARGET),
        ]

    def _answers(self) -> list[cloudwatch.IWidget]:
        """Response time by intent; the steps of a typical run; outcomes."""
        by_intent = _expression(self._search("ResponseTime", by="intent", statistic="p95"))
        steps = [
            self._metric(step.metric, f"p{kpis.TYPICAL}", step.function, label=step.label)
            for step in kpis.waterfall(self._settings.school_api)
        ]
        outcomes = [_expression(self._total(name), label) for name, label in kpis.OUTCOMES.items()]
        by_code = [_expression(self._search(name, by="code"), kpis.OUTCOMES[name]) for name in kpis.BY_CODE]
        return [
            cloudwatch.GraphWidget(
                title="Response time by intent, P95 (ms)",
                left=[by_intent],
                left_annotations=[
                    cloudwatch.HorizontalAnnotation(value=kpis.P95_TARGET, label="target with the model"),
                    cloudwatch.HorizontalAnnotation(value=kpis.P95_TARGET_WITHOUT_MODEL, label="target of the rest"),
                ],
                width=6,
            ),
            cloudwatch.GraphWidget(
                title="Waterfall of a typical run (ms, median)",
                left=steps,
                view=cloudwatch.GraphWidgetView.BAR,
                width=6,
            ),
            cloudwatch.GraphWidget(title="What became of the answers", left=outcomes, width=6),
            cloudwatch.GraphWidget(title="Not delivered, by WhatsApp's error code", left=by_code, width=6),
        ]

    def _executions(self, machine: StateMachine) -> list[cloudwatch.IWidget]:
        return [
            cloudwatch.GraphWidget(
                title=f"Executions of {machine.label}",
                left=[
                    machine.executions("ExecutionsStarted", "started"),
                    machine.executions("ExecutionsSucceeded", "succeeded"),
                    machine.executions("ExecutionsFailed", "failed"),
                ],
                width=12,
            ),
            cloudwatch.GraphWidget(
                title=f"Time of an execution of {machine.label} (ms)",
                left=[machine.duration(statistic) for statistic in ("p50", "p95", "p99")],
                width=12,
            ),
        ]

    def _queues(self, queues: Sequence[QueueWithDeadLetters]) -> list[cloudwatch.IWidget]:
        return [
            cloudwatch.GraphWidget(
                title="Messages waiting", left=[queue.waiting(queue.label) for queue in queues], width=8
            ),
            cloudwatch.GraphWidget(
                title="Age of the oldest message (s)",
                left=[queue.age_of_oldest(queue.label) for queue in queues],
                width=8,
            ),
            cloudwatch.GraphWidget(
                title="Dead letters", left=[queue.dead_letters_waiting(queue.label) for queue in queues], width=8
            ),
        ]

    def _functions(self, functions: Sequence[BotFunction], api: HttpApi) -> list[cloudwatch.IWidget]:
        durations = [item.duration("p95").with_(label=item.catalog.name) for item in functions]
        errors = [item.errors().with_(label=item.catalog.name) for item in functions]
        return [
            cloudwatch.GraphWidget(title="Functions: P95 (ms)", left=durations, width=8),
            cloudwatch.GraphWidget(title="Functions: errors", left=errors, width=8),
            cloudwatch.GraphWidget(
                title="HTTP API",
                left=[
                    api.api.metric_count(statistic="Sum", label="requests"),
                    api.api.metric_client_error(statistic="Sum", label="4xx"),
                    api.api.metric_server_error(statistic="Sum", label="5xx"),
                ],
                right=[api.api.metric_latency(statistic="p95", label="P95 (ms)")],
                width=8,
            ),
        ]

    def _stores(self, database: Database, cache: Cache) -> list[cloudwatch.IWidget]:
        def of_instances(name: str) -> list[cloudwatch.IMetric]:
            primary = database.primary_metric(name).with_(label="primary")
            return [primary, database.replica_metric(name).with_(label="replica")] if database.replica else [primary]

        return [
            cloudwatch.GraphWidget(title="Database: processor (%)", left=of_instances("CPUUtilization"), width=8),
            cloudwatch.GraphWidget(title="Database: connections", left=of_instances("DatabaseConnections"), width=8),
            cloudwatch.GraphWidget(
                title="Cache: hits and misses",
                left=[cache.metric(name, FIVE_MINUTES) for name in ("CacheHits", "CacheMisses")],
                width=8,
            ),
        ]

    def _metric(self, name: str, statistic: str, function: str, *, label: str | None = None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=name,
            dimensions_map={"service": function},
            statistic=statistic,
            period=FIVE_MINUTES,
            label=label or statistic,
        )

    def _search(self, *names: str, by: str | None = None, statistic: str = "Sum") -> str:
        """One line for each function that writes one of the metrics, or for each value of the dimension `by`."""
        schema = ",".join([f'"{self._namespace}"', *([by] if by else []), "service"])
        wanted = " OR ".join(f'MetricName="{name}"' for name in names)
        return f"SEARCH('{{{schema}}} ({wanted})', '{statistic}', 300)"

    def _total(self, *names: str) -> str:
        """The sum over all functions and metrics, 0 where nothing was counted.

        One search for all: the sum of two sums would have no value where one of them has none.
        """
        return f"FILL(SUM({self._search(*names)}), 0)"


def _expression(expression: str, label: str = "") -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(expression=expression, label=label, period=FIVE_MINUTES)


def _ratio(label: str, part: str, whole: str) -> cloudwatch.MathExpression:
    return _expression(f"100 * {part} / {whole}", label)


def _against(title: str, metric: cloudwatch.IMetric, target: float) -> cloudwatch.GraphWidget:
    """A graph with its target as a line."""
    line = cloudwatch.HorizontalAnnotation(value=target, label="target", color=cloudwatch.Color.GREY)
    left = cloudwatch.YAxisProps(min=0)
    return cloudwatch.GraphWidget(title=title, left=[metric], left_annotations=[line], left_y_axis=left, width=5)
