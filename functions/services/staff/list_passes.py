"""`passes SSC…`: the gate passes of a student."""

from typing import Any

from functions.adapters.database.gate_passes import GatePasses
from functions.adapters.database.senders import Senders
from functions.domain.gate_passes import state_of
from functions.services.staff.task import Task

MOST = 8  # in one message


def run(task: Task) -> dict[str, Any]:
    """`{"student", "rows": [{"number", "state", "issued_on", "valid_until", "percent_paid"}], "total"}`."""
    student = Senders(task.connection).student(task.command.about or "")
    if student is None:
        return {"student": None}
    found, total = GatePasses(task.connection).latest(student.id, MOST)
    rows = [
        {
            "number": row.number,
            "state": state_of(row.status, row.valid_until, task.now.date()).value,
            "issued_on": row.issued_on.isoformat(),
            "valid_until": row.valid_until.isoformat(),
            "percent_paid": row.percent_paid,
        }
        for row in found
    ]
    return {"student": {"id": student.id, "name": student.name}, "rows": rows, "total": total}
