"""What has been billed and paid for these students this term, in one call to the GraphQL gateway."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.adapters import observe
from functions.adapters.gateway import Gateway
from functions.adapters.settings import from_environment
from functions.domain.account_request import AccountRequest


@dataclass(frozen=True)
class Settings:
    school_graph_url: str


@cache
def gateway() -> Gateway:
    return Gateway(from_environment(Settings).school_graph_url)


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"student_ids": [...], "term": "2026-3"}` -> `{"bills": {student id: [line] or null}, "payments": {…}}`."""
    request = AccountRequest.read(event)
    return {**gateway().account(request.student_ids, request.term)}
