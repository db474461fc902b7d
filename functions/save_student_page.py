"""Saves one page of the nightly student sync."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.domain.errors import InvalidRequest
from functions.services.student_sync import read_records, read_run


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"page": 1, "records": [...], "run": null}` -> `{"saved", "new", "changed", "unusable", "run"}`.

    `run` goes into the calls for the next pages. Raises DataUnavailable.
    """
    page = event.get("page")
    if not isinstance(page, int):
        raise InvalidRequest("page", "a number from 1")
    run = read_run(event["run"]) if event.get("run") else None
    return dependencies.student_sync().save_page(page, read_records(event.get("records")), run)


initialize(dependencies.student_sync)
