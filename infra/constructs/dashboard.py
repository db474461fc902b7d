"""The dashboard: KPIs, replies, executions, functions and stores."""

from collections.abc import Sequence
from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from functions.domain.metrics import PUBLISHED
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
        self.dashboard.add_widgets(*self._answers(functions))
        for machine in machines:
            if machine.catalog.queue:
                self.dashboard.add_widgets(*self._executions(machine))
        self.dashboard.add_widgets(*self._queues(queues))
        self.dashboard.add_widgets(*self._functions(functions, api))
        self.dashboard.add_widgets(*self._stores(database, cache))

    def _kpis(self) -> list[cloudwatch.IWidget]:
        """The plan's KPI table, each with its target as a line."""
        average, p95 = (self._metric("ResponseTime", statistic, kpis.ANSWERING) for statistic in ("Average", "p95"))
        cold = _expression("100 * starts", "cold starts (%)", starts=self._metric("ColdStarts", "Average"))
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

    def _answers(self, functions: Sequence[BotFunction]) -> list[cloudwatch.IWidget]:
        """Response time by intent; the steps of a typical run; outcomes. What is no metric comes from the logs."""
        groups = {item.catalog.name: item.log_group_name for item in functions}
        steps = kpis.waterfall(self._settings.school_api)
        # One search for all: a widget with six is more than CloudWatch promises to draw.
        outcomes = [_expression(self._search(*kpis.OUTCOMES))]
        return [
            _from_logs(
                f"P95 by intent (ms; {kpis.P95_TARGET_WITHOUT_MODEL}, {kpis.WITH_MODEL} {kpis.P95_TARGET})",
                [groups[kpis.ANSWERING]],
                "filter ispresent(intent)",
                "stats pct(measured.ResponseTime, 95) by intent",
            ),
            _from_logs(
                "Waterfall of a typical run (ms, median)",
                list(dict.fromkeys(groups[step.function] for step in steps)),
                f"filter {' or '.join(f'ispresent({_figure(step)})' for step in steps)}",
                f"stats {', '.join(f'pct({_figure(step)}, {kpis.TYPICAL}) as `{step.label}`' for step in steps)}",
            ),
            cloudwatch.GraphWidget(title="What became of the answers", left=outcomes, width=6),
            _from_logs(
                "Not delivered, by WhatsApp's error code",
                [groups[name] for name in kpis.DELIVERING],
                "filter ispresent(code)",
                f"stats {', '.join(f'sum(measured.{name}) as {name}' for name in kpis.BY_CODE)} by code",
            ),
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

    def _metric(self, name: str, statistic: str, function: str | None = None) -> cloudwatch.Metric:
        return cloudwatch.Metric(
            namespace=self._namespace,
            metric_name=name,
            dimensions_map={"service": function} if function else {},
            statistic=statistic,
            period=FIVE_MINUTES,
            label=statistic,
        )

    def _search(self, *names: str) -> str:
        """One line for each function that writes one of the metrics."""
        wanted = " OR ".join(f'MetricName="{name}"' for name in names)
        return f"SEARCH('{{\"{self._namespace}\",service}} ({wanted})', 'Sum', 300)"

    def _total(self, *names: str) -> str:
        """The sum over all functions and metrics, 0 where nothing was counted.

        One search for all: the sum of two sums would have no value where one of them has none.
        """
        return f"FILL(SUM({self._search(*names)}), 0)"


def _figure(step: kpis.Step) -> str:
    """The field of the log lines that has the step's time."""
    return step.metric if step.metric in PUBLISHED else f"measured.{step.metric}"


def _from_logs(title: str, groups: list[str], *lines: str) -> cloudwatch.LogQueryWidget:
    bar = cloudwatch.LogQueryVisualizationType.BAR
    return cloudwatch.LogQueryWidget(title=title, log_group_names=groups, query_lines=[*lines], view=bar, width=6)


def _expression(expression: str, label: str = "", **metrics: cloudwatch.IMetric) -> cloudwatch.MathExpression:
    return cloudwatch.MathExpression(expression=expression, label=label, period=FIVE_MINUTES, using_metrics=metrics)


def _ratio(label: str, part: str, whole: str) -> cloudwatch.MathExpression:
    return _expression(f"100 * {part} / {whole}", label)


def _against(title: str, metric: cloudwatch.IMetric, target: float) -> cloudwatch.GraphWidget:
    """A graph with its target as a line."""
    line = cloudwatch.HorizontalAnnotation(value=target, label="target", color=cloudwatch.Color.GREY)
    left = cloudwatch.YAxisProps(min=0)
    return cloudwatch.GraphWidget(title=title, left=[metric], left_annotations=[line], left_y_axis=left, width=5)
