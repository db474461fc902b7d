"""The few numbers that a table shows of many measurements."""

import math
from collections.abc import Sequence
from statistics import median

__all__ = ["median", "p95", "percentile", "summary"]


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest measured value that at least this share (0-1) of all values does not exceed (nearest rank)."""
    if not values:
        raise ValueError("no values")
    return sorted(values)[max(math.ceil(share * len(values)) - 1, 0)]


def p95(values: Sequence[float]) -> float:
    """With ten values this is the largest: nothing is interpolated that was not measured."""
    return percentile(values, 0.95)


def summary(values: Sequence[float]) -> dict[str, float]:
    """Median and P95, for the JSON."""
    return {"median": round(median(values), 4), "p95": round(p95(values), 4), "count": len(values)}
