"""The table of contacts: everyone who has written to us, and whether they have opted out."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.database.senders import has_key
from functions.adapters.database.tables import contacts
from functions.domain.messages import Message, written_at


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
        moment = written_at(message.timestamp, datetime.now(UTC)) if message.timestamp else None
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
            news |= _latest_consent(rows)
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

    def set_opted_out(self, phone: str | None, bsuid: str | None, *, opted_out: bool, moment: datetime) -> list[str]:
        """Record a STOP or START written at `moment`, for anything we send first; returns the keys of that person.

        A later one that is recorded already stays: they arrive in any order. Either key identifies the person: a
        contact may have only one of them. Someone unknown becomes a contact.
        """
        if not phone and not bsuid:
            return []
        self._connection.execute(insert(contacts).values(phone=phone, bsuid=bsuid).on_conflict_do_nothing())
        known_until = func.greatest(contacts.c.consent_at, contacts.c.opted_out_at)
        is_news = known_until.is_(None) | (known_until <= moment)
        values = {"opted_out_at": moment if opted_out else None, "consent_at": moment}
        self._connection.execute(contacts.update().where(has_key(phone, bsuid), is_news).values(**values))
        return self.keys_of(phone, bsuid)

    def has_opted_out(self, phone: str | None, bsuid: str | None) -> bool:
        query = select(contacts.c.opted_out_at).where(has_key(phone, bsuid))
        return any(self._connection.execute(query).scalars())

    def change_keys(self, condition: ColumnElement[bool], values: Mapping[str, Any], moment: datetime) -> None:
        """Give a contact other keys, as of `moment`; the contacts that held them are deleted: they are other people.

        What such a contact has written since then was written by the person whose keys changed, and is kept. A contact
        that is left without any key could not be reached or recognised again: it is deleted.
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
        holders: list[Row[Any]] = []
        for name, value in values.items():
            if value:
                held = contacts.delete().where(contacts.c[name] == value, contacts.c.id != row.id)
                holders += self._connection.execute(held.returning(contacts)).all()
        same = [item for item in holders if (latest := _latest_sign(item)) and latest >= moment]
        keys = {name: value or next((item._mapping[name] for item in same), None) for name, value in values.items()}
        last = max(filter(None, (item.last_message_at for item in (*rows, *same))), default=None)
        consent = _latest_consent([*rows, *(item for item in same if (said := _consent_at(item)) and said >= moment)])
        changed = contacts.update().where(contacts.c.id == row.id)
        self._connection.execute(changed.values(**keys, last_message_at=last, **consent))


def _consent_at(row: Row[Any]) -> datetime | None:
    """When their latest STOP or START was written. Release 0.1 recorded only the time of a STOP."""
    return max(filter(None, (row.consent_at, row.opted_out_at)), default=None)


def _latest_sign(row: Row[Any]) -> datetime | None:
    return max(filter(None, (row.last_message_at, _consent_at(row))), default=None)


def _latest_consent(rows: Iterable[Row[Any]]) -> dict[str, datetime | None]:
    """The columns of the latest STOP or START among these contacts; of a STOP where both are of the same second."""
    said = [(moment, row.opted_out_at is not None, row) for row in rows if (moment := _consent_at(row))]
    if not said:
        return {}
    moment, _, row = max(said, key=lambda item: item[:2])
    return {"opted_out_at": row.opted_out_at, "consent_at": moment}
