"""The table of what staff had done: which command, about what, and by whom, as a keyed digest of the number."""

import hashlib
import hmac
import secrets
from dataclasses import dataclass

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.database.tables import digest_key, staff_actions
from functions.domain.staff import Command


@dataclass(frozen=True)
class Recorded:
    """A command of one message."""

    staff: str  # digest
    is_repeat: bool  # the message was delivered before
    delivered: str | None  # how the parent was told by the earlier try: message or template


class StaffActions:
    """Within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, message_id: str, phone: str, command: Command) -> Recorded:
        """Once for each message. The words for a parent are not kept, the reason of a revocation is."""
        staff = self.digest_of(phone)
        reason = command.words if command.name == "revoke" else None
        values = {"staff": staff, "command": command.name, "about": command.about, "reason": reason}
        statement = insert(staff_actions).values(message_id=message_id, **values).on_conflict_do_nothing()
        is_new = bool(self._connection.execute(statement).rowcount)
        query = select(staff_actions.c.delivered).where(staff_actions.c.message_id == message_id)
        return Recorded(staff, not is_new, self._connection.execute(query).scalar_one())

    def record_delivered(self, message_id: str, form: str) -> None:
        """The parent was told, by `message` or `template`: a further try must not tell them again."""
        changed = staff_actions.update().where(staff_actions.c.message_id == message_id)
        self._connection.execute(changed.values(delivered=form))

    def digest_of(self, phone: str) -> str:
        """The same for the same number always; without the key, which stays in the database, nobody can compute it."""
        made = insert(digest_key).values(id=1, key=secrets.token_bytes(32))
        self._connection.execute(made.on_conflict_do_nothing())
        key = self._connection.execute(select(digest_key.c.key)).scalar_one()
        return hmac.new(bytes(key), phone.encode(), hashlib.sha256).hexdigest()
