"""What has been paid for these students this term."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.adapters import observe, warm
from functions.adapters.school_api import SchoolApi
from functions.adapters.settings import from_environment
from functions.domain.account_request import AccountRequest


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
    """`{"student_ids": [...], "term": "2026-3"}` -> `{"payments": {student id: [line] or null}}`."""
    request = AccountRequest.read(event)
    return {"payments": school_api().payments(request.student_ids, request.term)}


warm.ahead(lambda: school_api().ready())
