"""`allow GP-…`: after a revocation a new gate pass may be issued."""

from typing import Any

from functions.adapters.database.gate_passes import GatePasses
from functions.domain.gate_passes import state_of
from functions.services.staff.task import Task


def run(task: Task) -> dict[str, Any]:
    """`{"number", "outcome", "name"}`; outcome: `allowed`, `unknown`, or the state of a pass that was not revoked."""
    passes = GatePasses(task.connection)
    number = task.command.about or ""
    row = passes.find_by_number(number)
    if row is None:
        return {"number": number, "outcome": "unknown"}
    if not row.blocks_new and not task.is_repeat:
        return {"number": number, "outcome": state_of(row.status, row.valid_until, task.now.date()).value}
    passes.allow(row.id)
    name = f"{row.first_name} {row.last_name}".strip() or row.student_id
    return {"number": number, "outcome": "allowed", "name": name}
