"""Releases the claim of a failed run, so that the next one can answer the message."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.domain.errors import InvalidRequest


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message_id", "run", "request": to the office or null}` -> `{"answered"}`."""
    message_id = event.get("message_id")
    if not isinstance(message_id, str) or not message_id:
        raise InvalidRequest("message_id", "a text")
    released = dependencies.claim_releaser().release(
        message_id, str(event.get("run") or ""), event.get("request") or {}
    )
    return {**released}


initialize(dependencies.claim_releaser)
