"""Closes a request for the office, so that the bot answers that parent again."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services import office_requests


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "plan"}` -> `{"number": of the closed request, or null}`."""
    message, plan = office_requests.read(event)
    return dependencies.office_desk().close(message, plan)


initialize(dependencies.office_desk)
