"""Tells the office about a parent's request."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.notify_office import Notification


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "person", "plan", "request": {"number", "notify_by"}}` -> `{"notified", "notification_id"}`."""
    return dependencies.office_notifier().notify(Notification.parse(event))


initialize(dependencies.office_notifier)
