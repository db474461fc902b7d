"""Logs and figures: one JSON line per event, never a phone number, a message id, a message text or a token."""

import json
import logging
import os
import time
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache, wraps
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, Metrics, MetricUnit

from functions.domain import digests
from functions.domain.deployment import WAKE_UP
from functions.domain.metrics import PUBLISHED, WITHOUT_SERVICE


@cache
def logger() -> Logger:
    """The structured logger; its service comes from Powertools' own environment variable."""
    made = Logger(utc=True)
    # By itself Powertools takes Lambda's own level, which stays at INFO so that metrics pass.
    logging.getLogger(made.name).setLevel(os.environ.get("LOG_LEVEL", "INFO"))
    return made


def digest(message_id: str) -> str:
    """What a log line has instead of a message id, which would tell the phone number."""
    return digests.digest(message_id, os.environ.get("LOG_KEY", ""))


@cache
def _metrics() -> Metrics:
    return Metrics()


@cache
def _metrics_of_all() -> EphemeralMetrics:
    """Without the function's name: one series for all of them."""
    return EphemeralMetrics(service="")


_measured: dict[str, list[float]] = defaultdict(list)


def count(name: str, value: float = 1) -> None:
    """Count something; written by `flush`."""
    _add(name, MetricUnit.Count, value, {})


def count_by(name: str, **dimensions: str) -> None:
    """Count one; the log has it with these dimensions (few, never personal) as well."""
    _add(name, MetricUnit.Count, 1, dimensions)


def record_duration(name: str, seconds: float, **dimensions: str) -> None:
    """Record a duration in milliseconds; the log has it with these dimensions (few, never personal) as well."""
    _add(name, MetricUnit.Milliseconds, max(round(seconds * 1000, 1), 0), dimensions)


def _add(name: str, unit: MetricUnit, value: float, dimensions: dict[str, str]) -> None:
    """Written by `flush`: as a metric of CloudWatch if it is one, else as part of a log line.

    With dimensions a log line more, at once.
    """
    if name in WITHOUT_SERVICE:
        _metrics_of_all().add_metric(name=name, unit=unit, value=value)
    elif name in PUBLISHED:
        _metrics().add_metric(name=name, unit=unit, value=value)
    else:
        _measured[name].append(value)
    if dimensions:
        _write({name: value}, dimensions)


def _write(measured: Mapping[str, object], dimensions: Mapping[str, str]) -> None:
    """One line: `{"at": ms, "service", "measured": {name: value or values}}`, and the dimensions."""
    service = os.environ.get("POWERTOOLS_SERVICE_NAME", "")
    line = {"at": int(time.time() * 1000), "service": service, "measured": measured, **dimensions}
    print(json.dumps(line), flush=True)  # noqa: T201


_deferred: ContextVar[list[Callable[[], None]] | None] = ContextVar("deferred", default=None)


def count_after_commit(name: str, value: float = 1, **dimensions: str) -> None:
    """Count what a transaction has changed once it is committed; nothing when it is rolled back."""
    deferred = _deferred.get()
    if deferred is None:
        _add(name, MetricUnit.Count, value, dimensions)
    else:
        deferred.append(lambda: _add(name, MetricUnit.Count, value, dimensions))


@contextmanager
def counted_after_commit() -> Iterator[None]:
    """Wraps a transaction: its counts are written after the commit, since a failed one is tried again."""
    deferred: list[Callable[[], None]] = []
    before = _deferred.set(deferred)
    try:
        yield
    finally:
        _deferred.reset(before)
    for counted in deferred:
        counted()


Handler = Callable[[dict[str, Any], object], dict[str, Any]]
_is_cold = True


def instrumented(handler: Handler) -> Handler:
    """Counts the cold starts of a handler, 0 or 1 for each call, and writes its metrics even when it fails."""

    @wraps(handler)
    def wrapper(event: dict[str, Any], context: object) -> dict[str, Any]:
        global _is_cold
        if WAKE_UP in event:
            _is_cold = False
            return {}
        # Nobody waited for an environment that Lambda started ahead of need.
        ahead = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") == "provisioned-concurrency"
        count("ColdStarts", 1 if _is_cold and not ahead else 0)
        _is_cold = False
        try:
            return handler(event, context)
        finally:
            flush()

    return wrapper


def flush() -> None:
    """Write the figures of this invocation, if there are any."""
    for metrics in (_metrics(), _metrics_of_all()):
        if metrics.metric_set:
            metrics.flush_metrics()
    if _measured:
        _write({name: values[0] if len(values) == 1 else values for name, values in _measured.items()}, {})
        _measured.clear()
