"""`requests`: what parents are waiting for."""

from datetime import UTC, datetime
from typing import Any

from functions.adapters.database.office_requests import OfficeRequests
from functions.adapters.database.senders import Senders
from functions.services.staff.task import Task

MOST = 10  # in one message


def run(task: Task) -> dict[str, Any]:
    """`{"rows": [{"number", "urgent", "minutes": since it was opened, "name", "children", "words"}], "total"}`."""
    found, total = OfficeRequests(task.connection).waiting(MOST)
    senders = Senders(task.connection)
    now = datetime.now(UTC)
    rows = [
        {
            "number": request.number,
            "urgent": request.urgent,
            "minutes": int((now - request.opened_at).total_seconds() // 60),
            "name": request.name,
            "children": [child.name for child in senders.find(request.phone, request.bsuid).students],
            "words": request.words,
        }
        for request in found
    ]
    return {"rows": rows, "total": total}
