"""`today`: what happened since midnight."""

from datetime import datetime
from typing import Any

from functions.adapters.database.message_log import MessageLog
from functions.adapters.database.office_requests import OfficeRequests
from functions.services.staff.task import Task


def run(task: Task) -> dict[str, Any]:
    """`{"messages", "answers", "apologies", "handed_over", "open"}`."""
    now = datetime.now(task.now.tzinfo)  # the real date: so are the records' own, on the local stack too
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    requests = OfficeRequests(task.connection)
    counted = MessageLog(task.connection).count_day(midnight)
    _, still_open = requests.waiting(0)
    return {**vars(counted), "handed_over": requests.count_since(midnight), "open": still_open}
