"""One page that says how the assistant does: messages, answers, times, and what stands in the way."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_cloudwatch as cloudwatch
from constructs import Construct

from infra import kpis
from infra.constructs.alarms import Alarms, Watched
from infra.settings import Settings

FIVE_MINUTES: Final = Duration.minutes(5)


class Dashboard(Construct):
    """The rows are made by one method each; add a method to add a row."""

    def __init__(self, scope: Construct, id: str, settings: Settings, watched: Watched, alarms: Alarms) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self._namespace = kpis.namespace(settings.environment)
        self.dashboard = cloudwatch.Dashboard(
            self, "Dashboard", dashboard_name=settings.name("assistant"), default_interval=Duration.hours(12)
        )
        self.dashboard.add_widgets(
            cloudwatch.AlarmStatusWidget(title="Alarms", alarms=list(alarms.alarms), width=24, height=4)
        )
        self.dashboard.add_widgets(*self._kpis())
        self.dashboard.add_widgets(*self._answers())
        self.dashboard.add_widgets(*self._conversations(watched))
        self.dashboard.add_widgets(*self._functions(watched))
        self.dashboard.add_widgets(*self._data(settings, watched))

    def _kpis(self) -> list[cloudwatch.IWidget]:
        """The plan's KPI table, each with its target as a line."""
        average, p95 = (self._metric("ResponseTime", statistic, kpis.ANSWERING) for statistic in ("Average", "p95"))
        cold = _ratio("cold starts (%)", self._total("ColdStarts"), self._total("Invocations"))
        hits = _ratio("hits (%)", self._total("CacheHits"), self._total("CacheHits", "CacheMisses"))
        # Summed up from the left of the graph on: there are few, and one who changes their mind counts one down.
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
        """By intent; where the time of a typical run goes; what became of it."""
        by_intent = _expression(self._search("ResponseTime", by="intent", statistic="p95"))
        steps = [
            self._metric(step.metric, f"p{kpis.TYPICAL}", step.function, label=step.label)
            for step in kpis.waterfall(self._settings.school_api)
        ]
        outcomes = [_expression(self._total(name), label) for name, label in kpis.OUTCOMES.items()]
        by_code = [_expression(self._search(name, by="code"), kpis.OUTCOMES[name]) for name in kpis.BY_CODE]
        return [
            cloudwatch.GraphWidget(title="Response time by intent, P95 (ms)", left=[by_intent], width=6),
            cloudwatch.GraphWidget(
                title="Waterfall of a typical run (ms, median)",
                left=steps,
                view=cloudwatch.GraphWidgetView.BAR,
                width=6,
            ),
            cloudwatch.GraphWidget(title="What became of the answers", left=outcomes, width=6),
            cloudwatch.GraphWidget(title="Not delivered, by WhatsApp's error code", left=by_code, width=6),
        ]

    def _conversations(self, watched: Watched) -> list[cloudwatch.IWidget]:
        machine, queues = watched.machines["conversation"], watched.queues
        duration = [machine.metric_time(period=FIVE_MINUTES, statistic=name) for name in ("p50", "p95", "p99")]
        return [
            cloudwatch.GraphWidget(
                title="Conversations",
                left=[
                    machine.metric_started(period=FIVE_MINUTES, label="begun"),
                    machine.metric_succeeded(period=FIVE_MINUTES, label="answered"),
                    machine.metric_failed(period=FIVE_MINUTES, label="failed"),
                ],
                width=8,
            ),
            cloudwatch.GraphWidget(title="Time of a conversation (ms)", left=duration, width=8),
            cloudwatch.GraphWidget(
                title="Waiting",
                left=[
                    *(
                        queue.metric_approximate_number_of_messages_visible(label=name)
                        for name, queue in queues.fifo.items()
                    ),
                    queues.events.metric_approximate_number_of_messages_visible(label="events"),
                    *(
                        queue.metric_approximate_number_of_messages_visible(label=f"dead letters of {name}")
                        for name, queue in queues.dead_letters.items()
                    ),
                ],
                right=[
                    queue.metric_approximate_age_of_oldest_message(label=f"{name}: oldest (s)")
                    for name, queue in queues.fifo.items()
                ],
                width=8,
            ),
        ]

    def _functions(self, watched: Watched) -> list[cloudwatch.IWidget]:
        functions = watched.functions.items()
        return [
            cloudwatch.GraphWidget(
                title="Functions: P95 (ms)",
                left=[item.alias.metric_duration(statistic="p95", label=name) for name, item in functions],
                width=8,
            ),
            cloudwatch.GraphWidget(
                title="Functions: errors",
                left=[item.alias.metric_errors(label=name) for name, item in functions],
                width=8,
            ),
            cloudwatch.GraphWidget(
                title="Front door",
                left=[
                    watched.front_door.api.metric_count(statistic="Sum", label="requests"),
                    watched.front_door.api.metric_client_error(statistic="Sum", label="4xx"),
                    watched.front_door.api.metric_server_error(statistic="Sum", label="5xx"),
                ],
                right=[watched.front_door.api.metric_latency(statistic="p95", label="P95 (ms)")],
                width=8,
            ),
        ]

    def _data(self, settings: Settings, watched: Watched) -> list[cloudwatch.IWidget]:
        instances = {"primary": watched.database.primary, "replica": watched.database.replica}
        made = {name: instance for name, instance in instances.items() if instance}
        cache = {
            name: cloudwatch.Metric(
                namespace="AWS/ElastiCache",
                metric_name=name,
                dimensions_map={"clusterId": settings.name("cache")},
                statistic="Sum",
                period=FIVE_MINUTES,
            )
            for name in ("CacheHits", "CacheMisses")
        }
        return [
            cloudwatch.GraphWidget(
                title="Database: processor (%)",
                left=[instance.metric_cpu_utilization(label=name) for name, instance in made.items()],
                width=8,
            ),
            cloudwatch.GraphWidget(
                title="Database: connections",
                left=[instance.metric_database_connections(label=name) for name, instance in made.items()],
                width=8,
            ),
            cloudwatch.GraphWidget(title="Cache: keys found and not", left=list(cache.values()), width=8),
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
