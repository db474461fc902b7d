"""Looks up students by their numbers at the school, for a parent whose own number we do not know yet."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.adapters import observe
from functions.adapters.school_api import SchoolApi
from functions.adapters.settings import from_environment
from functions.domain.errors import InvalidRequest


@dataclass(frozen=True)
class Settings:
    school_api_url: str
    school_api_key_name: str


@cache
def school_api() -> SchoolApi:
    settings = from_environment(Settings)
    return SchoolApi(settings.school_api_url, settings.school_api_key_name)


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"student_ids": [...]}` -> `{"records": [StudentRecord as JSON]}`, without those that the school does not know.

    Raises SchoolApiUnavailable when one of them cannot be had while the parent waits.
    """
    ids = event.get("student_ids")
    if not isinstance(ids, list) or not ids or not all(isinstance(item, str) for item in ids):
        raise InvalidRequest("student_ids", "a list of student numbers")
    return {"records": [record.as_json() for record in school_api().profiles(ids)]}
