"""Opens a request of a parent who asks for a person."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services import office_requests


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "plan"}` -> `{"number", "notified", "notify_by": "message" | "template" | null}`."""
    message, plan = office_requests.read(event)
    return dependencies.office_desk().open(message, plan)


initialize(dependencies.office_desk)
