"""`problems`: students whose record cannot be used, and what a clerk has to put right."""

from typing import Any

from functions.adapters.database.students import Students
from functions.services.staff.task import Task

MOST = 10  # in one message


def run(task: Task) -> dict[str, Any]:
    """`{"rows": [{"place", "name", "phone", "problem", "fix"}], "total"}`."""
    found, total = Students(task.connection).unusable(MOST)
    rows = [{name: getattr(row, name) for name in ("place", "name", "phone", "problem", "fix")} for row in found]
    return {"rows": rows, "total": total}
