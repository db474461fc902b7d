"""What has been billed and paid for these students this term, in one call to the GraphQL gateway."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.domain.account_request import AccountRequest


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"student_ids": [...], "term": "2026-3"}` -> `{"bills": {student id: [line] or null}, "payments": {…}}`."""
    request = AccountRequest.read(event)
    return {**dependencies.school_graph().account(request.student_ids, request.term)}


initialize(dependencies.school_graph)
