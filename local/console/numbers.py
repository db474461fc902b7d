"""KPIs beside their targets, response times and the cost on AWS, from the functions' logs.

Logs are read on from where the last look ended, so that a long run stays quick.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any, Final

from infra import costs, kpis
from infra.catalog import SchoolApi
from local.kpi import Collected, figure_lines, figures, percentile

POINTS_KEPT: Final = 240
VALUES_KEPT: Final = 20_000  # of each metric
RATE_SECONDS: Final = 300


@dataclass(frozen=True)
class Tile:
    """One figure; `good`: whether it meets its target, None without one or without a value."""

    label: str
    value: str
    unit: str
    target: str
    good: bool | None
    note: str = ""


class Numbers:
    """What the functions of this run have measured so far. Safe to share between threads."""

    def __init__(self, logs: Path, school_api: SchoolApi) -> None:
        self._logs, self._school_api = logs, school_api
        self._collected = Collected()
        self._offsets: dict[Path, int] = {}
        self._lock = threading.Lock()
        self.points: deque[tuple[float, str, float]] = deque(maxlen=POINTS_KEPT)  # Unix seconds, intent, ms

    def refresh(self) -> None:
        """Read what was logged since the last call."""
        with self._lock:
            for path in sorted(self._logs.glob("*.log")):
                self._read(path)
            self._collected.keep_latest(VALUES_KEPT)

    def _read(self, path: Path) -> None:
        with path.open("rb") as file:
            file.seek(self._offsets.get(path, 0))
            content, newline, _ = file.read().rpartition(b"\n")
        self._offsets[path] = self._offsets.get(path, 0) + len(content) + len(newline)
        for line in content.decode("utf-8", "replace").splitlines():
            for entry in figure_lines(line):
                self._collected.add(entry)
                self._add_point(entry)

    def _add_point(self, entry: dict[str, Any]) -> None:
        for name, values in figures(entry) if "intent" in entry else ():
            if name == "ResponseTime":
                moment = entry.get("_aws", {}).get("Timestamp") or entry["at"]
                self.points += [(moment / 1000, str(entry["intent"]), value) for value in values]

    # --- what is shown -----------------------------------------------------------------------------------------------

    def tiles(self) -> list[Tile]:
        with self._lock:
            found = self._collected
            waits = found.values.get(("ResponseTime", kpis.ANSWERING), [])
            hits, misses = found.total("CacheHits"), found.total("CacheMisses")
            starts = found.all_of("ColdStarts")  # 0 or 1 for each call
            up, down = found.total("FeedbackUp"), found.total("FeedbackDown")
        average, worst = (mean(waits), percentile(waits, 95)) if waits else (None, None)
        return [
            _time("Response time, average", average, kpis.AVERAGE_TARGET, f"{len(waits)} answers"),
            _time("Response time, P95", worst, kpis.P95_TARGET, "19 of 20 answers are faster"),
            _share("Cache hits", hits, hits + misses, kpis.CACHE_HIT_TARGET, at_least=True),
            _share("Cold starts", sum(starts), len(starts), kpis.COLD_START_TARGET, at_least=False),
            _share("Feedback 👍", up, up + down, kpis.FEEDBACK_TARGET, at_least=True, what="ratings"),
        ]

    def steps(self) -> list[tuple[str, float | None]]:
        """(step, typical milliseconds) on the way of a message."""
        with self._lock:
            found = [
                (step.label, self._collected.values.get((step.metric, step.function), []))
                for step in kpis.waterfall(self._school_api)
            ]
        return [(label, percentile(values, kpis.TYPICAL) if values else None) for label, values in found]

    def intents(self) -> list[dict[str, Any]]:
        with self._lock:
            split = self._collected.split("ResponseTime", "intent")
        return [
            {"intent": intent, "count": len(values), "average": mean(values), "p95": percentile(values, 95)}
            for intent, values in split.items()
        ]

    def outcomes(self) -> list[tuple[str, int, bool]]:
        """(what became of answers, how many, whether that is bad)."""
        with self._lock:
            return [
                (label, round(self._collected.total(metric)), metric not in ("Replies", "BillableReplies"))
                for metric, label in kpis.OUTCOMES.items()
            ]


def _time(label: str, value: float | None, target: float, note: str) -> Tile:
    shown = "–" if value is None else f"{value / 1000:.2f}"
    return Tile(label, shown, "s", f"{target / 1000:g} s or less", None if value is None else value <= target, note)


def _share(label: str, part: float, whole: float, target: float, *, at_least: bool, what: str = "") -> Tile:
    wanted = f"{target:g} % or {'more' if at_least else 'less'}"
    note = f"{part:.0f} of {whole:.0f} {what}".rstrip()
    if not whole:
        return Tile(label, "–", "%", wanted, None, note)
    percent = 100 * part / whole
    return Tile(label, f"{percent:.0f}", "%", wanted, percent >= target if at_least else percent <= target, note)


def plot(points: list[tuple[float, str, float]]) -> dict[str, Any]:
    """Points of the response-time plot in percent of its area, with the scale."""
    longest = max([value for _, _, value in points] + [kpis.P95_TARGET * 1.1])
    count = max(len(points) - 1, 1)
    return {
        "points": [
            {
                "x": 100 * index / count if len(points) > 1 else 50,
                "y": 100 - 100 * value / longest,
                "label": f"{intent}: {value / 1000:.2f} s",
                "slow": value > kpis.AVERAGE_TARGET,
            }
            for index, (_, intent, value) in enumerate(points)
        ],
        "targets": [
            {"y": 100 - 100 * target / longest, "label": f"{name} {target / 1000:g} s"}
            for name, target in (("average target", kpis.AVERAGE_TARGET), ("P95 target", kpis.P95_TARGET))
        ],
        "longest": longest / 1000,
    }


def cost(messages: int, seconds: float) -> dict[str, Any]:
    """What AWS and WhatsApp would cost a month at this rate, for each preset of cdk.json."""
    a_day = round(messages / max(seconds, 1) * 86_400)
    presets = {name: costs.total(settings, a_day) for name, settings in costs.offered().items()}
    beside = {line.item: line.dollars for line in costs.beside_aws(a_day)}
    return {"a_day": a_day, "presets": presets, "beside": beside, "minutes": max(1, round(seconds / 60))}


def rate_window(started: float) -> float:
    """Seconds over which the rate is taken: the last five minutes, or since the start."""
    return min(RATE_SECONDS, time.time() - started)
