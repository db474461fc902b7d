"""The KPI table of what ran here, from the same EMF log lines that become CloudWatch metrics on AWS."""

import json
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import mean, quantiles
from typing import Any, Final

from rich.table import Table

from infra import kpis
from infra.catalog import SchoolApi

MARKS: Final = ('"CloudWatchMetrics"', '"measured"')
DIMENSIONS: Final = ("intent", "code", "kind")
HARMLESS: Final = ("Replies", "BillableReplies")  # of the outcomes


@dataclass
class Collected:
    """The values of each metric by the function that wrote it; some also by intent, error code or kind."""

    values: dict[tuple[str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    by: dict[str, dict[tuple[str, str], list[float]]] = field(
        default_factory=lambda: {dimension: defaultdict(list) for dimension in DIMENSIONS}
    )

    @classmethod
    def of(cls, logs: Path) -> "Collected":
        """From the logs of the functions."""
        found = cls()
        for path in sorted(logs.glob("*.log")):
            for line in path.read_text("utf-8", "replace").splitlines():
                for entry in figure_lines(line):
                    found.add(entry)
        return found

    def add(self, line: dict[str, Any]) -> None:
        """The values of one line of figures."""
        for name, values in figures(line):
            if dimension := next((item for item in DIMENSIONS if item in line), None):
                self.by[dimension][name, str(line[dimension])] += values
            else:
                self.values[name, line.get("service", "")] += values

    def keep_latest(self, number: int) -> None:
        """Forget older values, for runs without end; totals then count the latest only."""
        for values in (*self.values.values(), *(found for split in self.by.values() for found in split.values())):
            del values[:-number]

    def total(self, name: str) -> float:
        """The sum over all functions that write it."""
        return sum(sum(values) for (metric, _), values in self.values.items() if metric == name)

    def all_of(self, name: str) -> list[float]:
        """The values of all functions that write it."""
        return [value for (metric, _), values in self.values.items() if metric == name for value in values]

    def split(self, name: str, dimension: str) -> dict[str, list[float]]:
        """The values of a metric for each intent, error code or kind."""
        return {item: values for (metric, item), values in sorted(self.by[dimension].items()) if metric == name}


def json_objects(line: str) -> Iterator[dict[str, Any]]:
    """The JSON objects of a line; two threads of a function may write into the same one."""
    decoder, place = json.JSONDecoder(), line.find("{")
    while place >= 0:
        try:
            entry, end = decoder.raw_decode(line, place)
        except ValueError:
            return  # incomplete: still being written
        yield entry
        place = line.find("{", end)


def figure_lines(line: str) -> Iterator[dict[str, Any]]:
    """The objects of a line that have figures."""
    if any(mark in line for mark in MARKS):
        yield from (entry for entry in json_objects(line) if "_aws" in entry or "measured" in entry)


def figures(line: dict[str, Any]) -> Iterator[tuple[str, list[float]]]:
    """Those that are metrics on AWS, and those that are in the log alone."""
    described = line.get("_aws", {}).get("CloudWatchMetrics", [])
    published = {metric["Name"]: line[metric["Name"]] for item in described for metric in item["Metrics"]}
    for name, value in {**published, **line.get("measured", {})}.items():
        yield name, [float(item) for item in (value if isinstance(value, list) else [value])]


def percentile(values: list[float], rank: int) -> float:
    """A single value is its own percentile."""
    return quantiles(values, n=100, method="inclusive")[rank - 1] if len(values) > 1 else values[0]


def table(found: Collected, school_api: SchoolApi) -> Table:
    """The KPIs beside their targets."""
    shown = Table(title="KPIs of what ran", title_justify="left", title_style="bold")
    for heading in ("KPI", "value", "target"):
        shown.add_column(heading, justify="right" if heading == "value" else "left")
    for label, value, target in rows(found, school_api):
        shown.add_row(label, value, target)
    return shown


def rows(found: Collected, school_api: SchoolApi) -> list[tuple[str, str, str]]:
    """(KPI, value, target); a dash where nothing was measured."""
    waits = found.values.get(("ResponseTime", kpis.ANSWERING), [])
    hits, misses = found.total("CacheHits"), found.total("CacheMisses")
    starts = found.all_of("ColdStarts")  # 0 or 1 for each call
    up, down = found.total("FeedbackUp"), found.total("FeedbackDown")
    average, worst = (f"{target / 1000:g} s or less" for target in (kpis.AVERAGE_TARGET, kpis.P95_TARGET))
    result = [
        ("response time, average", _seconds(mean(waits)) if waits else "-", average),
        ("response time, P95", _seconds(percentile(waits, 95)) if waits else "-", worst),
    ]
    for intent, values in found.split("ResponseTime", "intent").items():
        both = f"{_seconds(mean(values))} / {_seconds(percentile(values, 95))}"
        target = kpis.P95_TARGET if intent == kpis.WITH_MODEL else kpis.P95_TARGET_WITHOUT_MODEL
        result.append((f"  {intent}, average / P95", both, f"P95 {target / 1000:g} s or less"))
    for step in kpis.waterfall(school_api):
        values = found.values.get((step.metric, step.function), [])
        typical = _seconds(percentile(values, kpis.TYPICAL)) if values else "-"
        result.append((f"{step.label}, P{kpis.TYPICAL}", typical, ""))
    result += [
        ("cold-start rate", _share(sum(starts), len(starts)), f"{kpis.COLD_START_TARGET} % or less"),
        ("cache hit rate", _share(hits, hits + misses), f"{kpis.CACHE_HIT_TARGET} % or more"),
    ]
    for metric, label in kpis.OUTCOMES.items():
        result.append((label, f"{found.total(metric):.0f}", "" if metric in HARMLESS else "0"))
        for code, values in found.split(metric, "code").items():
            result.append((f"  error {code}", f"{sum(values):.0f}", ""))
    result.append(("parents' feedback, 👍 / 👎", f"{up:.0f} / {down:.0f}", f"{kpis.FEEDBACK_TARGET} % 👍"))
    return result


def _seconds(milliseconds: float) -> str:
    return f"{milliseconds / 1000:.2f} s"


def _share(part: float, whole: float) -> str:
    return f"{100 * part / whole:.1f} %" if whole else "-"
