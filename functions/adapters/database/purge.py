"""Deletes rows that are kept no longer, a bounded number at a time."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Final

from sqlalchemy import ColumnElement, Connection, Table, exists, func, select

from functions.adapters.database.tables import (
    contacts,
    feedback,
    gate_passes,
    message_log,
    notices,
    office_requests,
    pass_looks,
    pass_requests,
    staff_actions,
    students,
)
from functions.domain.retention import KeepDays

# In this order: a pass goes after the looks at it, a student after their passes and requests.
TABLES: Final[Mapping[str, Table]] = {
    "office_requests": office_requests,
    "staff_actions": staff_actions,
    "notices": notices,
    "message_log": message_log,
    "feedback": feedback,
    "pass_requests": pass_requests,
    "pass_scans": pass_looks,
    "gate_passes": gate_passes,
    "students": students,
    "contacts": contacts,
}


class Purge:
    """Within one transaction."""

    def __init__(self, connection: Connection, keep: KeepDays, today: date) -> None:
        self._connection = connection
        self._keep = keep
        self._today = today

    def delete_some(self, kind: str, most: int) -> int:
        """Delete at most so many rows of this kind; how many there were. Rows that someone is using are passed over."""
        table = TABLES[kind]
        (key,) = table.primary_key
        old = select(key).where(self._is_old(kind)).limit(most).with_for_update(skip_locked=True)
        return self._connection.execute(table.delete().where(key.in_(old))).rowcount

    def _is_old(self, kind: str) -> ColumnElement[bool]:
        age = timedelta(days=getattr(self._keep, kind))
        before = func.now() - age
        match kind:
            case "office_requests":
                return office_requests.c.opened_at < before
            case "staff_actions":
                return staff_actions.c.done_at < before
            case "notices":
                return notices.c.received_at < before
            case "message_log":  # a delivery status may have made the row
                log = message_log.c
                return func.coalesce(log.received_at, log.answered_at, log.delivery_at) < before
            case "feedback":
                return feedback.c.given_at < before
            case "pass_requests":
                return pass_requests.c.requested_at < before
            case "pass_scans":
                return pass_looks.c.looked_at < before
            case "gate_passes":
                is_over = gate_passes.c.valid_until < self._today - age
                return is_over & ~exists().where(pass_looks.c.pass_id == gate_passes.c.id)
            case "students":
                has_left = ~students.c.active & (students.c.seen_at < before)
                has_pass = exists().where(gate_passes.c.student_id == students.c.id)
                return has_left & ~has_pass & ~exists().where(pass_requests.c.student_id == students.c.id)
            case "contacts":
                return (contacts.c.last_message_at < before) & contacts.c.opted_out_at.is_(None)
        raise KeyError(kind)
