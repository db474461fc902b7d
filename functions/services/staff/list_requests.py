"""`requests`: what parents are waiting for."""

from datetime import UTC, datetime
from typing import Any

from functions.adapters.database.office_requests import OfficeRequests
from functions.adapters.database.senders import Senders
from functions.services.staff.task import Task

MOST = 10  # in one message


def run(task: Task) -> dict[str, Any]:
    """`{"rows": [{"number", "urgent", "minutes", "name", "children", "words", "kind"}], "total"}`, minutes: its age."""
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
            "kind": request.kind,
        }
        for request in found
    ]
    return {"rows": rows, "total": total}
