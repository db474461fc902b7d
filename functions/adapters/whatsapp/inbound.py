"""Reads WhatsApp's webhook bodies into messages, statuses and notices.

A body holds up to 1,000 updates over entries, changes and lists, in no promised order. An item that cannot be read is
returned in `unreadable`, so that it never costs its neighbours.
"""

import re
from collections import defaultdict, deque
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Final, TypeVar
from unicodedata import category

from functions.adapters.whatsapp.error_codes import WINDOW_CLOSED
from functions.domain.errors import InvalidRequest
from functions.domain.messages import (
    CHANGE_TYPES,
    NOT_TOLD,
    OFFICE_NOTICE,
    SILENT_TYPES,
    UNDELIVERED,
    Message,
    phone_of,
    unix_seconds,
)
from functions.domain.payments import EXPIRED, PREFIX, ExpiredReceipt

EVENTS_TOGETHER: Final = 50
BSUID: Final = re.compile(r"[A-Z]{2}(\.[A-Za-z0-9]+)+", re.ASCII)  # of a business portfolio: US.ENT.1234
MEDIA_TYPES: Final = ("image", "video", "document", "audio", "sticker")
ECHOES: Final = "smb_message_echoes"  # what people wrote in the WhatsApp Business app on the same number
# Months of old chats and the app's address book, sent when a number is linked: personal, and of no use here.
NOT_KEPT: Final = frozenset({"history", "smb_app_state_sync"})

Item = TypeVar("Item")


@dataclass(frozen=True)
class Status:
    """What became of a message that we sent."""

    id: str  # wamid of our message
    status: str  # sent, delivered, read, played, failed; unknown ones too
    timestamp: int
    to: str | None  # phone digits or BSUID
    error_codes: tuple[int, ...] = ()
    answer_to: str | None = None  # our biz_opaque_callback_data: the message that it answered
    category: str | None = None  # of the price: service, utility, …
    billable: bool | None = None

    def as_json(self) -> dict[str, object]:
        return {name: value for name, value in asdict(self).items() if value not in (None, ())}


@dataclass(frozen=True)
class Echo:
    """A person at the school wrote to someone in the WhatsApp Business app; what they wrote is not kept."""

    id: str  # wamid
    type: str
    timestamp: int
    phone: str | None  # E.164, of whom they wrote to
    bsuid: str | None
    phone_number_id: str

    @property
    def is_answer(self) -> bool:
        """False for reactions, and for messages that were edited or deleted."""
        return self.type not in SILENT_TYPES


@dataclass(frozen=True)
class Notice:
    """Anything else WhatsApp tells us: opt-outs, template decisions, quality, errors of the whole number."""

    kind: str  # WhatsApp's field name
    value: Mapping[str, object]


@dataclass(frozen=True)
class Unreadable:
    """An item that is not of the documented form."""

    where: str  # entry[0].changes[1].value.messages[0]
    why: str


@dataclass(frozen=True)
class Webhook:
    """One body, read whole."""

    messages: tuple[Message, ...] = ()
    statuses: tuple[Status, ...] = ()
    echoes: tuple[Echo, ...] = ()
    notices: tuple[Notice, ...] = ()
    errors: tuple[Mapping[str, object], ...] = ()
    unreadable: tuple[Unreadable, ...] = ()
    not_kept: tuple[str, ...] = ()  # fields of NOT_KEPT

    def only_for(self, phone_number_id: str) -> "Webhook":
        """Without what concerns another number, which becomes unreadable: it is kept, not acted on."""
        numbers = {item.phone_number_id for item in self.messages} | {item.phone_number_id for item in self.echoes}
        if numbers <= {phone_number_id}:
            return self
        return replace(
            self,
            messages=tuple(item for item in self.messages if item.phone_number_id == phone_number_id),
            echoes=tuple(item for item in self.echoes if item.phone_number_id == phone_number_id),
            unreadable=(*self.unreadable, Unreadable("metadata.phone_number_id", "expected our own number")),
        )

    def undelivered(self) -> list[Message]:
        """Replies that WhatsApp could not deliver within 24 hours: the person can still be sent a template.

        Without notifications of the office and receipts, which have templates of their own.
        """
        return [
            Message(
                id=f"{UNDELIVERED}:{status.id}",
                type=UNDELIVERED,
                timestamp=status.timestamp,
                phone=phone_of(status.to),
                bsuid=None if phone_of(status.to) else status.to,
                phone_number_id="",
                about=status.answer_to,
            )
            for status in self._expired()
            if status.answer_to and not status.answer_to.startswith((UNDELIVERED, PREFIX, EXPIRED))
        ]

    def not_told(self) -> list[Message]:
        """Notifications of the office that WhatsApp could not deliver: a parent was promised an answer."""
        return [
            Message(
                id=f"{NOT_TOLD}:{status.id}",
                type=NOT_TOLD,
                timestamp=status.timestamp,
                phone=phone_of(status.to),
                bsuid=None if phone_of(status.to) else status.to,
                phone_number_id="",
                about=(status.answer_to or "").removesuffix(OFFICE_NOTICE),
            )
            for status in self.statuses
            if status.status == "failed" and status.to and (status.answer_to or "").endswith(OFFICE_NOTICE)
        ]

    def expired_receipts(self) -> list[ExpiredReceipt]:
        """Receipts that WhatsApp could not deliver within 24 hours."""
        found = ((status.id, status.answer_to or "") for status in self._expired())
        return [ExpiredReceipt(name, answer_to) for name, answer_to in found if answer_to.startswith(PREFIX)]

    def _expired(self) -> list[Status]:
        """Statuses of what failed because the 24-hour window was closed, but for notifications of the office."""
        return [
            status
            for status in self.statuses
            if WINDOW_CLOSED in status.error_codes
            and status.to
            and not (status.answer_to or "").endswith(OFFICE_NOTICE)
        ]

    def events(self) -> list[dict[str, object]]:
        """What is recorded and not answered, as JSON objects with a `kind`."""
        found: list[dict[str, object]] = []
        found += [{"kind": "status", **status.as_json()} for status in self.statuses]
        found += [{"kind": "message", **message.as_json()} for message in self.messages if not message.needs_answer]
        found += [{"kind": "echo", **asdict(echo)} for echo in self.echoes if echo.is_answer]
        found += [{"kind": "notice", "field": notice.kind, "value": notice.value} for notice in self.notices]
        found += [{"kind": "error", "value": error} for error in self.errors]
        return found


def pack_events(events: list[dict[str, object]]) -> list[dict[str, object]]:
    """Events in groups of at most EVENTS_TOGETHER, so that 1,000 statuses are not 1,000 queue messages."""
    return [{"events": events[start : start + EVENTS_TOGETHER]} for start in range(0, len(events), EVENTS_TOGETHER)]


def read(body: object) -> Webhook:
    """Read a parsed webhook body. Never raises: what cannot be read is in `unreadable`."""
    if not isinstance(body, Mapping) or body.get("object") != "whatsapp_business_account":
        return Webhook(unreadable=(Unreadable("object", "expected whatsapp_business_account"),))
    messages: dict[str, Message] = {}
    statuses: list[Status] = []
    echoes: list[Echo] = []
    notices: list[Notice] = []
    errors: list[Mapping[str, object]] = []
    unreadable: list[Unreadable] = []
    not_kept: list[str] = []
    for where, name, value in _changes(body, unreadable):
        contacts = [item for item in _list(value.get("contacts")) if isinstance(item, Mapping)]
        number = _text(_mapping(value.get("metadata")).get("phone_number_id")) or ""
        if name in NOT_KEPT:
            not_kept.append(name)
        elif name == ECHOES:
            echoes += _each(
                value, "message_echoes", where, partial(_echo, contacts=contacts, number=number), unreadable
            )
        elif name != "messages":
            notices.append(Notice(name, value))
        else:
            for found in _each(
                value, "messages", where, partial(_message, contacts=contacts, number=number), unreadable
            ):
                messages.setdefault(found.id, found)
            statuses += _each(value, "statuses", where, _status, unreadable)
            errors += [item for item in _list(value.get("errors")) if isinstance(item, Mapping)]
            if not any(name in value for name in ("messages", "statuses", "errors")):
                unreadable.append(Unreadable(where, "expected messages, statuses or errors"))
    return Webhook(
        messages=_in_order(messages.values()),
        statuses=tuple(statuses),
        echoes=tuple(echoes),
        notices=tuple(notices),
        errors=tuple(errors),
        unreadable=tuple(unreadable),
        not_kept=tuple(not_kept),
    )


def _each(
    value: Mapping[str, object],
    name: str,
    where: str,
    read_item: Callable[[object], Item],
    unreadable: list[Unreadable],
) -> list[Item]:
    """The items of a list that can be read; the others are added to `unreadable`."""
    found = []
    for place, item in enumerate(_list(value.get(name))):
        try:
            found.append(read_item(item))
        except InvalidRequest as error:
            unreadable.append(Unreadable(f"{where}.{name}[{place}]", str(error)))
    return found


def _in_order(messages: Collection[Message]) -> tuple[Message, ...]:
    """Each person's messages by the time they were written, on the places that this person's messages had."""
    theirs: defaultdict[str, deque[Message]] = defaultdict(deque)
    for message in sorted(messages, key=lambda message: message.timestamp):
        theirs[message.sender].append(message)
    return tuple(theirs[message.sender].popleft() for message in messages)


def _changes(
    body: Mapping[str, object], unreadable: list[Unreadable]
) -> Iterator[tuple[str, str, Mapping[str, object]]]:
    """(where, field, value) of every change of every entry."""
    entries = _list(body.get("entry"))
    if not entries:
        unreadable.append(Unreadable("entry", "expected a list of entries"))
    for outer, entry in enumerate(entries):
        changes = _list(_mapping(entry).get("changes"))
        if not changes:
            unreadable.append(Unreadable(f"entry[{outer}].changes", "expected a list of changes"))
        for inner, change in enumerate(changes):
            where = f"entry[{outer}].changes[{inner}]"
            name, value = _mapping(change).get("field"), _mapping(change).get("value")
            if isinstance(name, str) and isinstance(value, Mapping):
                yield f"{where}.value", name, value
            else:
                unreadable.append(Unreadable(where, "expected field and value"))


def _identified(item: Mapping[object, object]) -> tuple[str, str]:
    """Id and type of a message or an echo; InvalidRequest names the one that is missing."""
    name, kind = _text(item.get("id")), _text(item.get("type"))
    if not name:
        raise InvalidRequest("id", "a message id")
    if not kind:
        raise InvalidRequest("type", "a message type")
    return name, kind


def _message(item: object, contacts: list[Mapping[str, object]], number: str) -> Message:
    if not isinstance(item, Mapping):
        raise InvalidRequest("message", "an object")
    name, kind = _identified(item)
    sender = _text(item.get("from"))
    phone = _phone(sender)
    bsuid = _text(item.get("from_user_id")) or (sender if sender and BSUID.fullmatch(sender) else None)
    contact = _contact_of(contacts, sender, bsuid)
    bsuid = bsuid or _text(contact.get("user_id")) if kind != "system" else bsuid
    if not phone and not bsuid:
        raise InvalidRequest("from", "a phone number or a user id")
    content = _mapping(item.get(kind))
    context = _mapping(item.get("context"))
    return Message(
        id=name,
        type=kind,
        timestamp=unix_seconds(item.get("timestamp")),
        phone=phone,
        bsuid=bsuid,
        phone_number_id=number,
        profile_name=_text(_mapping(contact.get("profile")).get("name")),
        text=_typed(kind, item, content),
        tap=_tap(kind, content),
        shared_phone=_shared_phone(item) if kind == "contacts" else None,
        is_voice=kind == "audio" and bool(content.get("voice")),
        media_id=_text(content.get("id")) if kind in MEDIA_TYPES else None,
        media_type=_mime_type(content) if kind in MEDIA_TYPES else None,
        about=_text(content.get("message_id") or content.get("original_message_id")) or _text(context.get("id")),
        emoji=_text(content.get("emoji")) if kind == "reaction" else None,
        group_id=_text(item.get("group_id")),
        details=_details(kind, content),
    )


def _echo(item: object, contacts: list[Mapping[str, object]], number: str) -> Echo:
    if not isinstance(item, Mapping):
        raise InvalidRequest("echo", "an object")
    name, kind = _identified(item)
    to = _text(item.get("to"))
    phone = _phone(to)
    bsuid = _text(item.get("to_user_id")) or (to if to and BSUID.fullmatch(to) else None)
    bsuid = bsuid or _text(_contact_of(contacts, to, None).get("user_id"))
    if not phone and not bsuid:
        raise InvalidRequest("to", "a phone number or a user id")
    return Echo(name, kind, unix_seconds(item.get("timestamp")), phone, bsuid, number)


def _mime_type(content: Mapping[str, object]) -> str | None:
    """Without parameters: `audio/ogg; codecs=opus` is `audio/ogg`."""
    return (_text(content.get("mime_type")) or "").split(";")[0].strip().lower() or None


def _phone(sender: str | None) -> str | None:
    """The number, also one that is written with a plus, spaces, hyphens or invisible marks."""
    signs = (sign for sign in sender or "" if sign not in "+-()" and not sign.isspace() and category(sign) != "Cf")
    return phone_of("".join(signs))


def _details(kind: str, content: Mapping[str, object]) -> Mapping[str, object]:
    if kind == "unsupported":
        change = _text(content.get("type"))
        return {"type": change} if change in CHANGE_TYPES else {}
    return {key: value for key, value in content.items() if key != "body"} if kind == "system" else {}


def _contact_of(contacts: list[Mapping[str, object]], sender: str | None, bsuid: str | None) -> Mapping[str, object]:
    """The contact of this sender, matched by id, never by place: their order is not promised."""
    for contact in contacts:
        if bsuid and contact.get("user_id") == bsuid:
            return contact
        if sender and contact.get("wa_id") == sender:
            return contact
    return {}


def _typed(kind: str, item: Mapping[str, object], content: Mapping[str, object]) -> str | None:
    if kind == "text":
        return _text(content.get("body")) or ""
    if kind == "button":
        return _text(content.get("text"))
    if kind == "interactive":
        reply = _mapping(content.get(_text(content.get("type")) or ""))
        return _text(reply.get("title"))
    return _text(content.get("caption")) if kind in MEDIA_TYPES and kind != "audio" else None


def _tap(kind: str, content: Mapping[str, object]) -> str | None:
    if kind == "button":
        return _text(content.get("payload"))
    if kind == "interactive":
        return _text(_mapping(content.get(_text(content.get("type")) or "")).get("id"))
    return None


def _shared_phone(item: Mapping[str, object]) -> str | None:
    """The number that the person shared on our request; a forwarded card proves nothing."""
    for card in _list(item.get("contacts")):
        if _mapping(card).get("origin") != "contact_request":
            continue
        for entry in _list(_mapping(card).get("phones")):
            number = _text(_mapping(entry).get("wa_id")) or _text(_mapping(entry).get("phone")) or ""
            if phone := phone_of("".join(sign for sign in number if sign.isdigit())):
                return phone
    return None


def _status(item: object) -> Status:
    if not isinstance(item, Mapping):
        raise InvalidRequest("status", "an object")
    name, status = _text(item.get("id")), _text(item.get("status"))
    if not name:
        raise InvalidRequest("id", "a message id")
    if not status:
        raise InvalidRequest("status", "sent, delivered, read, played or failed")
    codes = [_mapping(error).get("code") for error in _list(item.get("errors"))]
    price = _mapping(item.get("pricing"))
    billable = price.get("billable")
    return Status(
        id=name,
        status=status,
        timestamp=unix_seconds(item.get("timestamp")),
        to=_text(item.get("recipient_id")) or _text(item.get("recipient_user_id")),
        error_codes=tuple(code for code in codes if isinstance(code, int)),
        answer_to=_text(item.get("biz_opaque_callback_data")),
        category=_text(price.get("category")),
        billable=billable if isinstance(billable, bool) else None,
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _mapping(value: object) -> Mapping[str, object]:
    return value if isinstance(value, Mapping) else {}


def _list(value: object) -> list[object]:
    return value if isinstance(value, list) else []
