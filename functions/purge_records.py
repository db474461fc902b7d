"""Deletes from the database what it no longer needs to keep; called every night, again and again until all is done."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{}` -> `{"deleted": rows, "more": bool}`. Raises DataUnavailable; what was deleted stays deleted."""
    return dependencies.record_purger().purge()


initialize(dependencies.record_purger)
