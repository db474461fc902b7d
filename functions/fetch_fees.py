"""What the school has billed these students this term."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.domain.account_request import AccountRequest


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"student_ids": [...], "term": "2026-3"}` -> `{"bills": {student id: [line] or null}}`."""
    request = AccountRequest.read(event)
    return {"bills": dependencies.school_api().bills(request.student_ids, request.term)}


initialize(dependencies.school_api, lambda: dependencies.school_api().prewarm())
