"""The message log: what was asked (never the text), what was answered, what became of it."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters import observe
from functions.adapters.models import contacts, feedback, message_log
from functions.adapters.people import has_key
from functions.domain.conversation import Plan
from functions.domain.inbound import Message
from functions.domain.intents import Intent


def was_answered(connection: Connection, message_id: str) -> bool:
    query = select(message_log.c.reply_id).where(message_log.c.message_id == message_id)
    return connection.execute(query).scalar_one_or_none() is not None


def questions_since(connection: Connection, sender: str, moment: datetime) -> int:
    """How many questions this sender has asked since that moment."""
    return _count_since(connection, sender, Intent.QUESTION, moment)


def look_ups_since(connection: Connection, sender: str, moment: datetime) -> int:
    """How often this sender has named a student in vain since that moment."""
    return _count_since(connection, sender, Intent.LOOK_UP, moment)


def _count_since(connection: Connection, sender: str, intent: Intent, moment: datetime) -> int:
    query = select(func.count()).where(
        message_log.c.sender == sender, message_log.c.intent == intent.value, message_log.c.received_at >= moment
    )
    return int(connection.execute(query).scalar_one())


def outcome(plan: Plan | None, sent: Mapping[str, Any], *, apology: bool) -> dict[str, object]:
    """The columns that say what became of a message; `sent` is what `send_reply` gave back, or empty."""
    values: dict[str, object] = {
        "intent": plan.intent.value if plan else None,
        "outcome": ("apologised" if apology else "answered") if sent.get("status") == "sent" else sent.get("status"),
        "answered_at": datetime.fromtimestamp(sent["sent_at"], UTC) if sent.get("sent_at") else None,
        "reply_id": sent.get("reply_id"),
        "reply_messages": sent.get("messages"),
    }
    return values | ({"delivery_error": sent.get("code")} if sent.get("status") == "undeliverable" else {})


def record(connection: Connection, message: Message, values: Mapping[str, object]) -> None:
    """Write or complete the row of a message; a delivery status may have been here first."""
    row = {
        "sender": message.sender,
        "type": message.type[:32],
        "received_at": datetime.fromtimestamp(message.timestamp, UTC) if message.timestamp else datetime.now(UTC),
        **values,
    }
    statement = insert(message_log).values(message_id=message.id, **row)
    connection.execute(statement.on_conflict_do_update(index_elements=["message_id"], set_=row))


def record_contact(connection: Connection, message: Message, phone: str | None) -> bool:
    """Keep one row for one person, and join two that turn out to be the same; True when something new was learnt.

    `phone`: as WhatsApp gave it or as the person proved it. Only for what a person wrote: their 24 hours count from
    the latest of it, by its own time, for messages come late and out of order.
    """
    if not phone and not message.bsuid:
        return False
    condition = has_key(phone, message.bsuid)
    rows = connection.execute(select(contacts).where(condition).order_by(contacts.c.id).with_for_update()).all()
    moment = datetime.fromtimestamp(message.timestamp, UTC) if message.timestamp else None
    news: dict[str, object] = {
        "last_message_at": max(filter(None, [moment, *(row.last_message_at for row in rows)]), default=None)
    }
    if message.profile_name:
        news["profile_name"] = message.profile_name
    if not rows:
        values = {"phone": phone, "bsuid": message.bsuid, **news}
        connection.execute(insert(contacts).values(**values).on_conflict_do_nothing())
        return True
    keep, *others = rows
    if others:  # a number that changed hands, or one person known by both keys
        connection.execute(contacts.delete().where(contacts.c.id.in_([row.id for row in others])))
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
    connection.execute(contacts.update().where(contacts.c.id == keep.id).values(**news))
    return learnt


def opt(connection: Connection, phone: str | None, bsuid: str | None, *, out: bool) -> list[str]:
    """Honour STOP or its taking back, for anything we send first; the keys of everyone whom it is about.

    Either key tells who it is: a contact may have one of them only. Someone whom we do not know yet is kept too.
    """
    if not phone and not bsuid:
        return []
    values = {"opted_out_at": func.now() if out else None}
    changed = contacts.update().where(has_key(phone, bsuid)).values(**values)
    known = connection.execute(changed.returning(contacts.c.phone, contacts.c.bsuid)).all()
    if not known:
        connection.execute(insert(contacts).values(phone=phone, bsuid=bsuid, **values).on_conflict_do_nothing())
    return list(dict.fromkeys(key for key in (phone, bsuid, *(key for row in known for key in row)) if key))


def record_verdict(connection: Connection, message: Message, verdict: str | None) -> None:
    """👍 or 👎 under one of our messages, by its button."""
    keep_verdict(connection, message.id, message.about, message.sender, verdict, message.timestamp)


def keep_verdict(
    connection: Connection,
    event_id: str,
    about: str | None,
    sender: str,
    verdict: str | None,
    timestamp: int,
    emoji: str | None = None,
) -> None:
    """Keep what a person says of a message of ours, and count what that changes: each person's last word counts once.

    Taking a 👍 back, or changing it, counts it down again.
    """
    values: dict[str, object] = {"about": about or "", "sender": sender, "verdict": verdict, "emoji": emoji}
    if timestamp:
        values["given_at"] = datetime.fromtimestamp(timestamp, UTC)  # a later word may arrive first
    before = _last_verdict(connection, values)
    connection.execute(insert(feedback).values(event_id=event_id, **values).on_conflict_do_nothing())
    after = _last_verdict(connection, values)
    if before != after:
        observe.count_when_committed("FeedbackUp", (after == "up") - (before == "up"))
        observe.count_when_committed("FeedbackDown", (after == "down") - (before == "down"))


def _last_verdict(connection: Connection, values: Mapping[str, object]) -> str | None:
    query = select(feedback.c.verdict).where(feedback.c.about == values["about"], feedback.c.sender == values["sender"])
    return connection.execute(query.order_by(feedback.c.given_at.desc(), feedback.c.id.desc()).limit(1)).scalar()
