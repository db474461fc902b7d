"""Writes STOP or START down, before it is confirmed to the person."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services import office_requests


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "plan"}` -> `{"plan"}`, with the reply that is true now.

    Raises DataUnavailable when it could not be written.
    """
    message, plan = office_requests.read(event)
    return {"plan": dependencies.consent_recorder().record(message, plan).as_json()}


initialize(dependencies.consent_recorder)
