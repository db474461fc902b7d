"""Ends the nightly student sync: students who were on no page have left."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.student_sync import read_run


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"run"}` as the first page returned it -> `{"deactivated", "active", "unusable", "shared_numbers"}`.

    Raises DataUnavailable, and SyncIncomplete when the run saw too few students.
    """
    return dependencies.student_sync().finish(read_run(event.get("run")))


initialize(dependencies.student_sync)
