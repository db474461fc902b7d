"""Recording what WhatsApp tells us: each kind of event has one way into the database."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters import message_log as message_log_
from functions.adapters import observe, office_requests
from functions.adapters.models import contacts, message_log, notices
from functions.domain.deliveries import advance, verdict
from functions.domain.inbound import OFFICE_NOTICE, phone_of
from functions.domain.whatsapp_codes import OPERATOR, STOPPED, trouble_of

Event = Mapping[str, Any]


def proven_answers(found: Sequence[Event]) -> list[str]:
    """Messages that were answered for certain: a status of our answer has come back."""
    return [event["answer_to"] for event in found if event.get("answer_to") and event.get("status") != "failed"]


def in_order(found: Sequence[Event]) -> list[Event]:
    """Statuses by message, so that two batches that share messages lock their rows in the same order."""
    statuses = [event for event in found if event.get("kind") == "status"]
    others = [event for event in found if event.get("kind") != "status"]
    return sorted(statuses, key=lambda event: str(event.get("answer_to") or event["id"])) + others


def notices_given_up(found: Sequence[Event]) -> list[str]:
    """Messages for the office whose notice WhatsApp took and then gave up."""
    failed = [str(event.get("answer_to") or "") for event in found if event.get("status") == "failed"]
    return [name.removesuffix(OFFICE_NOTICE) for name in failed if name.endswith(OFFICE_NOTICE)]


def record(connection: Connection, event: Event) -> list[str]:
    """Record one event; the senders whose person has changed by it."""
    if event["kind"] == "message":
        return _MESSAGES.get(event["type"], _notice)(connection, event)
    if event["kind"] == "notice":
        return _NOTICES.get(event["field"], _notice)(connection, event)
    if event["kind"] == "error":
        return _trouble(connection, event)
    return _status(connection, event) if event["kind"] == "status" else _notice(connection, event)


def _status(connection: Connection, event: Event) -> list[str]:
    """Moves the delivery state of the answer forward; a status may come before the answer is logged."""
    condition = message_log.c.reply_id == event["id"]
    if answer_to := event.get("answer_to"):
        connection.execute(insert(message_log).values(message_id=answer_to).on_conflict_do_nothing())
        condition = message_log.c.message_id == answer_to
    row = connection.execute(select(message_log).where(condition).with_for_update()).first()
    if row is None:
        return _notice(connection, event)  # an answer that we know nothing of
    state = advance(row.delivery, event["status"])
    values: dict[str, Any] = {} if row.reply_id else {"reply_id": event["id"]}
    codes = event.get("error_codes") or [None]
    changed: list[str] = []
    if event.get("category"):
        _price(connection, event)
        values |= {"category": event["category"], "billable": event.get("billable")}
    if state and state != row.delivery:
        values |= {"delivery": state, "delivery_at": datetime.fromtimestamp(event["timestamp"], UTC)}
        if state == "failed":
            values["delivery_error"] = codes[0]
            observe.count_when_committed("FailedDeliveries", code=str(codes[0] or "none"))
            for message_id in notices_given_up([event]):
                office_requests.not_told(connection, message_id)
                observe.count_when_committed("OfficeNotTold")
            if STOPPED in codes:  # by WhatsApp's own button
                phone = phone_of(event.get("to"))
                changed = message_log_.opt(connection, phone, None if phone else event.get("to"), out=True)
            if codes[0] in OPERATOR:
                observe.count_when_committed("OperatorNeeded")
            observe.log().warning("delivery failed", reply_id=event["id"], code=codes[0])
    if values:
        connection.execute(message_log.update().where(message_log.c.message_id == row.message_id).values(**values))
    return changed


def _price(connection: Connection, event: Event) -> None:
    """Counts each message of ours that is paid for, once: its price comes with two statuses, a long answer has two."""
    price = {"kind": "price", "id": event["id"]}
    if event.get("billable") and _keep(connection, price):
        observe.count_when_committed("BillableReplies")


def _reaction(connection: Connection, event: Event) -> list[str]:
    """A reaction to one of our messages; a later one replaces it, none takes it back."""
    emoji, sender = event.get("emoji"), event.get("bsuid") or event.get("phone") or ""
    message_log_.keep_verdict(
        connection, event["id"], event.get("about"), sender, verdict(emoji), event.get("timestamp") or 0, emoji
    )
    return []


def _trouble(connection: Connection, event: Event) -> list[str]:
    """A notice about the account or an error of the whole number; an operator is called if nobody else can mend it.

    Counted each time it is told, known or not: a second ban reads like the first.
    """
    field = str(event.get("field") or "errors")
    if trouble := trouble_of(field, event["value"]):
        observe.count_when_committed("OperatorNeeded")
        observe.log().error("WhatsApp needs an operator", notice=field, trouble=trouble[:64])
    return _notice(connection, event)


def _system(connection: Connection, event: Event) -> list[str]:
    """Someone changed their number or user id: the old one must not open the account for whoever gets it next."""
    details = event.get("details") or {}
    new_number, new_id = details.get("wa_id"), details.get("user_id")
    if details.get("type") in ("user_changed_number", "customer_changed_number"):
        new_phone = f"+{new_number}" if new_number else None
        condition = _who(event.get("phone"), event.get("bsuid"))
        if condition is not None:
            _move(connection, condition, {"phone": new_phone, "bsuid": new_id})
    elif details.get("type") == "user_changed_user_id" and new_id and event.get("bsuid"):
        _move(connection, contacts.c.bsuid == event["bsuid"], {"bsuid": new_id})
    _notice(connection, event)
    return [item for item in (event.get("bsuid"), event.get("phone"), new_id, new_number and f"+{new_number}") if item]


def _user_id_update(connection: Connection, event: Event) -> list[str]:
    changed = []
    for item in event["value"].get("user_id_update") or []:
        ids = item.get("user_id") or {}
        if ids.get("previous") and ids.get("current"):
            _move(connection, contacts.c.bsuid == ids["previous"], {"bsuid": ids["current"]})
            changed += [ids["previous"], ids["current"]]
    _notice(connection, event)
    return changed


def _user_preferences(connection: Connection, event: Event) -> list[str]:
    """STOP and RESUME by WhatsApp's own button."""
    changed = []
    for item in event["value"].get("user_preferences") or []:
        if item.get("value") not in ("stop", "resume"):
            continue
        phone = f"+{item['wa_id']}" if item.get("wa_id") else None
        changed += message_log_.opt(connection, phone, item.get("user_id"), out=item["value"] == "stop")
    _notice(connection, event)
    return changed


def _who(phone: str | None, bsuid: str | None) -> ColumnElement[bool] | None:
    """The contact with this user id, or with this number and no user id yet; None without either key."""
    if phone and bsuid:
        return (contacts.c.bsuid == bsuid) | ((contacts.c.phone == phone) & contacts.c.bsuid.is_(None))
    if bsuid:
        return contacts.c.bsuid == bsuid
    return contacts.c.phone == phone if phone else None


def _move(connection: Connection, condition: Any, values: Mapping[str, Any]) -> None:
    """Give a contact other keys; whoever held them before is no longer that person.

    A contact that is left without any key could not be reached or recognised again: it goes.
    """
    rows = connection.execute(select(contacts).where(condition).order_by(contacts.c.bsuid).with_for_update()).all()
    if not rows:
        return
    row, *others = rows  # one person may still be known twice, by number and by user id
    connection.execute(contacts.delete().where(contacts.c.id.in_([other.id for other in others])))
    if not any({"phone": row.phone, "bsuid": row.bsuid, **values}.values()):
        connection.execute(contacts.delete().where(contacts.c.id == row.id))
        return
    for name, value in values.items():
        if value:
            connection.execute(contacts.delete().where(contacts.c[name] == value, contacts.c.id != row.id))
    opted_out_at = next((item.opted_out_at for item in rows if item.opted_out_at), None)
    changed = contacts.update().where(contacts.c.id == row.id)
    connection.execute(changed.values(**values, opted_out_at=opted_out_at))


def _notice(connection: Connection, event: Event) -> list[str]:
    """Kept once, without what a person wrote (a group's messages come this way)."""
    _keep(connection, {name: value for name, value in event.items() if name != "text"})
    return []


def _keep(connection: Connection, event: Event) -> bool:
    """Whether it was not there yet."""
    content = json.dumps(event, sort_keys=True)
    name = hashlib.sha256(content.encode()).hexdigest()
    kind = str(event.get("field") or event.get("type") or event["kind"])[:64]
    done = connection.execute(insert(notices).values(id=name, kind=kind, content=event).on_conflict_do_nothing())
    return bool(done.rowcount)


_MESSAGES: dict[str, Callable[[Connection, Event], list[str]]] = {"reaction": _reaction, "system": _system}
_NOTICES: dict[str, Callable[[Connection, Event], list[str]]] = {
    "user_id_update": _user_id_update,
    "user_preferences": _user_preferences,
    "account_update": _trouble,
    "account_alerts": _trouble,
    "phone_number_quality_update": _trouble,
}
