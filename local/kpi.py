"""The plan's KPI table for what ran here, from the same EMF lines that become CloudWatch metrics on AWS."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from typing import Any, Final

from rich.table import Table

from infra import kpis

MARK: Final = '"CloudWatchMetrics"'


@dataclass
class Collected:
    """Every value of every metric; those with an intent once more by intent."""

    values: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))
    by_intent: dict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    @classmethod
    def of(cls, logs: Path) -> "Collected":
        """From the logs of the functions."""
        found = cls()
        for path in sorted(logs.glob("*.log")):
            for line in path.read_text("utf-8", "replace").splitlines():
                for entry in _objects(line) if MARK in line else ():
                    if "_aws" in entry:
                        found._take(entry)
        return found

    def _take(self, line: dict[str, Any]) -> None:
        for name, values in _metrics(line):
            if "intent" in line:
                self.by_intent[f"{name} {line['intent']}"] += values
            else:
                self.values[name] += values

    def total(self, name: str) -> float:
        return sum(self.values.get(name, ()))


def _objects(line: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a line: threads of a function may write two onto one."""
    decoder, place = json.JSONDecoder(), line.find("{")
    while place >= 0:
        try:
            entry, end = decoder.raw_decode(line, place)
        except ValueError:
            return  # cut short: still being written
        yield entry
        place = line.find("{", end)


def _metrics(line: dict[str, Any]) -> Iterator[tuple[str, list[float]]]:
    for described in line["_aws"]["CloudWatchMetrics"]:
        for metric in described["Metrics"]:
            value = line[metric["Name"]]
            yield metric["Name"], [float(item) for item in (value if isinstance(value, list) else [value])]


def p95(values: list[float]) -> float:
    """The 95th percentile; of a single value that value."""
    return quantiles(values, n=20, method="inclusive")[-1] if len(values) > 1 else values[0]


def table(found: Collected) -> Table:
    """The KPIs with the plan's targets beside them."""
    shown = Table(title="KPIs of what ran", title_justify="left", title_style="bold")
    for heading in ("KPI", "value", "target"):
        shown.add_column(heading, justify="right" if heading == "value" else "left")
    for label, value, target in rows(found):
        shown.add_row(label, value, target)
    return shown


def rows(found: Collected) -> list[tuple[str, str, str]]:
    """(KPI, value, target); a dash where nothing was measured."""
    waits = found.values.get("ResponseTime", [])
    hits, misses = found.total("CacheHits"), found.total("CacheMisses")
    starts, invocations = found.total("ColdStarts"), found.total("Invocations")
    up, down = found.total("FeedbackUp"), found.total("FeedbackDown")
    average, worst = (f"{target / 1000:g} s or less" for target in (kpis.AVERAGE_TARGET, kpis.P95_TARGET))
    result = [
        ("response time, average", _seconds(mean(waits)) if waits else "-", average),
        ("response time, P95", _seconds(p95(waits)) if waits else "-", worst),
    ]
    for name, values in sorted(found.by_intent.items()):
        metric, intent = name.split(" ", 1)
        if metric == "ResponseTime":
            result.append((f"  {intent}, average / P95", f"{_seconds(mean(values))} / {_seconds(p95(values))}", ""))
    for metric in kpis.WATERFALL:
        if metric != "ResponseTime":
            values = found.values.get(metric, [])
            result.append((f"{kpis.LABELS[metric]}, P95", _seconds(p95(values)) if values else "-", ""))
    result += [
        ("cold-start rate", _share(starts, invocations), f"{kpis.COLD_START_TARGET} % or less"),
        ("cache hit rate", _share(hits, hits + misses), f"{kpis.CACHE_HIT_TARGET} % or more"),
        ("replies", f"{found.total('Replies'):.0f}", ""),
        ("apologies", f"{found.total('Apologies'):.0f}", "0"),
        ("failed deliveries", f"{found.total('FailedDeliveries'):.0f}", "0"),
        ("billable replies", f"{found.total('BillableReplies'):.0f}", ""),
        ("parents' feedback, 👍 / 👎", f"{up:.0f} / {down:.0f}", f"{kpis.FEEDBACK_TARGET} % 👍"),
    ]
    return result


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
