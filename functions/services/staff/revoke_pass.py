"""`revoke GP-… reason`: a gate pass is not valid any more, and its parent is told."""

from datetime import UTC, datetime
from typing import Any

from functions.adapters.database.contacts import Contacts
from functions.adapters.database.gate_passes import GatePasses
from functions.domain.deliveries import WINDOW
from functions.domain.gate_passes import PassState, state_of
from functions.services.staff.task import Task


def run(task: Task) -> dict[str, Any]:
    """`{"number", "outcome", "name", "phone", "letter"}`; outcome: `revoked`, `unknown`, or the state it had already.

    Nobody is written to who has opted out of what we send first.
    """
    passes = GatePasses(task.connection)
    number = task.command.about or ""
    row = passes.find_by_number(number)
    if row is None:
        return {"number": number, "outcome": "unknown"}
    state = state_of(row.status, row.valid_until, task.now.date())
    if state == PassState.VALID:
        passes.revoke(row.id)
    elif not (task.is_repeat and state == PassState.REVOKED):
        return {"number": number, "outcome": "revoked before" if state == PassState.REVOKED else state.value}
    name = f"{row.first_name} {row.last_name}".strip() or row.student_id
    contact = Contacts(task.connection).find(row.issued_to)
    letter = None
    if contact and not contact.opted_out_at:
        window_began = datetime.now(UTC) - WINDOW
        letter = {
            "kind": "revocation",
            "phone": contact.phone,
            "bsuid": contact.bsuid,
            "child": name,
            "number": number,
            "as_template": contact.last_message_at is None or contact.last_message_at < window_began,
        }
    return {"number": number, "outcome": "revoked", "name": name, "phone": row.issued_to, "letter": letter}
