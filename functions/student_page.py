"""One page of the school's students, for the nightly sync."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.adapters import observe
from functions.adapters.school_api import SchoolApi
from functions.adapters.settings import from_environment
from functions.domain.errors import InvalidRequest

LAST_PAGE = 1000  # a school that never says "no more" ends here, within the history of one execution


@dataclass(frozen=True)
class Settings:
    school_api_url: str
    school_api_key_name: str
    students_per_page: int


@cache
def settings() -> Settings:
    return from_environment(Settings)


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"page": 1}` -> `{"page": 1, "next": 2 or null, "records": [StudentRecord as JSON]}`.

    Raises SchoolApiBusy (429: wait), SchoolApiUnavailable (try again) and SchoolApiRefused (trying again is no use).
    """
    page = event.get("page")
    if not isinstance(page, int) or not 1 <= page <= LAST_PAGE:
        raise InvalidRequest("page", f"a number from 1 to {LAST_PAGE}")
    api = SchoolApi(settings().school_api_url, settings().school_api_key_name)
    found = api.students(page, settings().students_per_page)
    return {
        "page": page,
        "next": page + 1 if found.has_more else None,
        "records": [record.as_json() for record in found.records],
    }
