"""The table of contacts: everyone who has written to us, and whether they have opted out."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.database.senders import has_key
from functions.adapters.database.tables import contacts
from functions.domain.messages import Message


def identified_by(phone: str | None, bsuid: str | None) -> ColumnElement[bool] | None:
    """The contact with this user id, or with this number and no user id yet; None without either key."""
    if phone and bsuid:
        return (contacts.c.bsuid == bsuid) | ((contacts.c.phone == phone) & contacts.c.bsuid.is_(None))
    if bsuid:
        return contacts.c.bsuid == bsuid
    return contacts.c.phone == phone if phone else None


class Contacts:
    """Within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, message: Message, phone: str | None) -> bool:
        """Keep one row per person, and merge two that turn out to be the same; True when something new was learnt.

        `phone`: as WhatsApp gave it or as the person proved it. Only for what a person wrote: their 24-hour window
        counts from the latest message by its own time, since messages arrive late and out of order.
        """
        if not phone and not message.bsuid:
            return False
        condition = has_key(phone, message.bsuid)
        rows = self._connection.execute(
            select(contacts).where(condition).order_by(contacts.c.id).with_for_update()
        ).all()
        moment = datetime.fromtimestamp(message.timestamp, UTC) if message.timestamp else None
        news: dict[str, object] = {
            "last_message_at": max(filter(None, [moment, *(row.last_message_at for row in rows)]), default=None)
        }
        if message.profile_name:
            news["profile_name"] = message.profile_name
        if not rows:
            values = {"phone": phone, "bsuid": message.bsuid, **news}
            self._connection.execute(insert(contacts).values(**values).on_conflict_do_nothing())
            return True
        keep, *others = rows
        if others:  # a number that changed hands, or one person known by both keys
            self._connection.execute(contacts.delete().where(contacts.c.id.in_([row.id for row in others])))
            news["opted_out_at"] = next((row.opted_out_at for row in rows if row.opted_out_at), None)
        learnt = bool(others) or (phone, message.bsuid) not in {
            (keep.phone, keep.bsuid),
            (keep.phone, None),
            (None, keep.bsuid),
        }
        if phone:
            news["phone"] = phone
        if message.bsuid:
            news["bsuid"] = message.bsuid
        self._connection.execute(contacts.update().where(contacts.c.id == keep.id).values(**news))
        return learnt

    def find(self, phone: str | None) -> Row[Any] | None:
        """The contact of that number."""
        query = select(contacts).where(contacts.c.phone == phone)
        return self._connection.execute(query).first() if phone else None

    def keys_of(self, phone: str | None, bsuid: str | None) -> list[str]:
        """All keys of the person behind either one, the sender's key first: user ids, then numbers."""
        rows = self._connection.execute(select(contacts).where(has_key(phone, bsuid)).order_by(contacts.c.id)).all()
        ids, numbers = [bsuid, *(row.bsuid for row in rows)], [phone, *(row.phone for row in rows)]
        return list(dict.fromkeys(key for key in (*ids, *numbers) if key))

    def set_opted_out(self, phone: str | None, bsuid: str | None, *, opted_out: bool) -> list[str]:
        """Record STOP or START, for anything we send first; returns the keys of everyone it is about.

        Either key identifies the person: a contact may have only one of them. Someone unknown becomes a contact.
        """
        if not phone and not bsuid:
            return []
        values = {"opted_out_at": func.now() if opted_out else None}
        changed = contacts.update().where(has_key(phone, bsuid)).values(**values)
        known = self._connection.execute(changed.returning(contacts.c.phone, contacts.c.bsuid)).all()
        if not known:
            self._connection.execute(
                insert(contacts).values(phone=phone, bsuid=bsuid, **values).on_conflict_do_nothing()
            )
        return list(dict.fromkeys(key for key in (phone, bsuid, *(key for row in known for key in row)) if key))

    def change_keys(self, condition: ColumnElement[bool], values: Mapping[str, Any]) -> None:
        """Give a contact other keys; the contacts that held them before are deleted, since they are other people now.

        A contact that is left without any key could not be reached or recognised again: it is deleted.
        """
        rows = self._connection.execute(
            select(contacts).where(condition).order_by(contacts.c.bsuid).with_for_update()
        ).all()
        if not rows:
            return
        row, *others = rows  # one person may still be known twice, by number and by user id
        self._connection.execute(contacts.delete().where(contacts.c.id.in_([other.id for other in others])))
        if not any({"phone": row.phone, "bsuid": row.bsuid, **values}.values()):
            self._connection.execute(contacts.delete().where(contacts.c.id == row.id))
            return
        for name, value in values.items():
            if value:
                self._connection.execute(contacts.delete().where(contacts.c[name] == value, contacts.c.id != row.id))
        opted_out_at = next((item.opted_out_at for item in rows if item.opted_out_at), None)
        changed = contacts.update().where(contacts.c.id == row.id)
        self._connection.execute(changed.values(**values, opted_out_at=opted_out_at))
