"""Saves the students that a parent's look-up has found at the school."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.student_sync import read_records


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"records": [...], "sender": BSUID or phone}` -> `{"saved", "new", "changed", "unusable", "min_wal"}`."""
    records = read_records(event.get("records"))
    return dependencies.student_sync().save_found(str(event.get("sender") or ""), records)


initialize(dependencies.student_sync)
