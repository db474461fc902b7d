"""Looks up students by their ids at the school, for a parent whose number we do not know yet."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.domain.errors import InvalidRequest


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"student_ids": [...]}` -> `{"records": [StudentRecord as JSON]}`, without students the school does not know.

    Raises SchoolApiUnavailable when one of them cannot be read while the parent waits.
    """
    ids = event.get("student_ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(item, str) for item in ids):
        raise InvalidRequest("student_ids", "a list of student ids")
    return {"records": [record.as_json() for record in dependencies.school_api().profiles(ids)]}


initialize(dependencies.school_api)
