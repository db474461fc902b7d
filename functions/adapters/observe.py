"""What a function tells its operators: one JSON line per event, never a phone number, a text or a token."""

import logging
import os
from collections.abc import Callable
from functools import cache, wraps
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import Metrics, MetricUnit, single_metric


@cache
def log() -> Logger:
    """The structured logger; its service comes from Powertools' own environment variable."""
    logger = Logger(utc=True)
    # By itself Powertools takes Lambda's own level, which stays at INFO so that metrics pass.
    logging.getLogger(logger.name).setLevel(os.environ.get("LOG_LEVEL", "INFO"))
    return logger


@cache
def _metrics() -> Metrics:
    return Metrics()


def count(name: str, value: float = 1) -> None:
    """Count something; written as one EMF line by `flush`."""
    _metrics().add_metric(name=name, unit=MetricUnit.Count, value=value)


def took(name: str, seconds: float, **dimensions: str) -> None:
    """Record a duration in milliseconds; with dimensions (few, never personal) it is recorded under these as well."""
    value = max(round(seconds * 1000, 1), 0)
    _metrics().add_metric(name=name, unit=MetricUnit.Milliseconds, value=value)
    if dimensions:
        with single_metric(name=name, unit=MetricUnit.Milliseconds, value=value) as metric:
            for key, item in dimensions.items():
                metric.add_dimension(key, item)


Handler = Callable[[dict[str, Any], object], dict[str, Any]]
_is_cold = True


def measured(handler: Handler) -> Handler:
    """Counts invocations and cold starts of a function, and writes its metrics whatever happens."""

    @wraps(handler)
    def wrapper(event: dict[str, Any], context: object) -> dict[str, Any]:
        global _is_cold
        count("Invocations")
        count("ColdStarts", 1 if _is_cold else 0)
        _is_cold = False
        try:
            return handler(event, context)
        finally:
            flush()

    return wrapper


def flush() -> None:
    """Write the metrics of this invocation, if there are any."""
    if _metrics().metric_set:
        _metrics().flush_metrics()
