"""Writes STOP or START down, before it is confirmed to the person."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services import office_requests


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "plan"}` -> `{}`; raises DataUnavailable when it could not be written."""
    message, plan = office_requests.read(event)
    dependencies.consent_recorder().record(message, plan)
    return {}


initialize(dependencies.consent_recorder)
