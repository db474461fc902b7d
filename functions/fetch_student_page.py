"""One page of the school's students, for the nightly sync."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.domain.errors import InvalidRequest

LAST_PAGE = 1000  # ends the sync of a school that never says "no more", within the history of one execution


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"page": 1}` -> `{"page": 1, "next": 2 or null, "records": [StudentRecord as JSON]}`.

    Raises SchoolApiBusy (429: wait), SchoolApiUnavailable (try again) and SchoolApiRefused (do not try again).
    """
    page = event.get("page")
    if not isinstance(page, int) or not 1 <= page <= LAST_PAGE:
        raise InvalidRequest("page", f"a number from 1 to {LAST_PAGE}")
    found = dependencies.school_api().students(page, dependencies.students_per_page())
    return {
        "page": page,
        "next": page + 1 if found.has_more else None,
        "records": [record.as_json() for record in found.records],
    }


initialize(dependencies.school_api)
