"""The table of parents who asked for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.database.tables import contacts, office_requests
from functions.domain import proofs
from functions.domain.deliveries import HANDED_TO_OFFICE_TIME, WINDOW
from functions.domain.messages import Message

QUESTION = "question"  # kind of a request in a parent's words
CONVERSATION = "conversation"  # kind of a request that a person at the school began, in the WhatsApp Business app

_table = office_requests.c


@dataclass(frozen=True)
class OpenRequest:
    """The request of one message."""

    number: int
    notified: bool  # the office knows of it
    failed: bool  # WhatsApp accepted the notification and could not deliver it


@dataclass(frozen=True)
class Waiting:
    """A request that is open, with whom it is from."""

    number: int
    sender: str
    phone: str | None
    words: str
    kind: str
    urgent: bool
    opened_at: datetime
    name: str | None  # in their WhatsApp profile
    bsuid: str | None = None
    last_message_at: datetime | None = None

    @property
    def keys(self) -> tuple[str | None, str | None]:
        """Number and user id: the sender's own key is one of them."""
        is_number = self.sender.startswith("+")
        return self.phone or (self.sender if is_number else None), self.bsuid or (None if is_number else self.sender)


@dataclass(frozen=True)
class ClosedRequest:
    """A request that has just been closed."""

    number: int
    sender: str
    phone: str | None


def is_with_office() -> ColumnElement[bool]:
    """Requests of which the office knows and which it has not closed, for 12 hours after a person's last answer."""
    latest = func.greatest(_table.opened_at, _table.answered_at)  # the one that is not null
    lately = latest > func.now() - HANDED_TO_OFFICE_TIME
    lately &= ~_table.kind.startswith(f"{proofs.KIND}:")  # the office looks at it; the assistant goes on answering
    return _table.told_at.is_not(None) & _table.closed_at.is_(None) & lately


class OfficeRequests:
    """Within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def open(
        self, message: Message, words: str, *, urgent: bool = False, seen: bool = False, kind: str = QUESTION
    ) -> OpenRequest:
        """The request of this message; the same one however often the message is delivered.

        `seen`: the office has the message before its eyes, and needs no notification.
        """
        values: dict[str, object] = {"sender": message.sender, "phone": message.phone, "words": words}
        values |= {"urgent": urgent, "kind": kind}
        if seen:
            values["told_at"] = func.now()
        statement = insert(office_requests).values(message_id=message.id, **values)
        self._connection.execute(statement.on_conflict_do_nothing())
        row = self._connection.execute(select(office_requests).where(_table.message_id == message.id)).one()
        return OpenRequest(row.id, row.told_at is not None, row.failed_at is not None)

    def office_is_reachable(self, phone: str | None) -> bool:
        """Whether the office has written to us within 24 hours: after that WhatsApp takes templates only."""
        is_recent = contacts.c.last_message_at > func.now() - WINDOW
        query = select(contacts.c.id).where(contacts.c.phone == phone, is_recent)
        return self._connection.execute(query).first() is not None

    def record_notified(self, message_id: str, notification_id: str | None) -> bool:
        """The office was notified of this message's request; False when WhatsApp has already failed to deliver it."""
        values = {
            "told_at": func.coalesce(_table.told_at, func.now()),
            "notice_id": func.coalesce(notification_id, _table.notice_id),
        }
        condition = (_table.message_id == message_id) & _table.failed_at.is_(None)
        return bool(self._connection.execute(office_requests.update().where(condition).values(**values)).rowcount)

    def record_notification_failed(self, message_id: str) -> None:
        """WhatsApp accepted the notification and could not deliver it: the office knows nothing of this request."""
        values = {"told_at": None, "failed_at": func.now()}
        self._connection.execute(office_requests.update().where(_table.message_id == message_id).values(**values))

    def senders_with_failed_notification(self, message_ids: Sequence[str]) -> list[str]:
        """The senders among these messages whose request the office knows nothing of."""
        failed = _table.message_id.in_(message_ids) & _table.failed_at.is_not(None)
        return list(self._connection.execute(select(_table.sender).where(failed).distinct()).scalars())

    def number_with_office(self, keys: Sequence[str | None]) -> int | None:
        """The latest request of these keys of one person that the office has."""
        query = select(_table.id).where(is_with_office(), _table.sender.in_([key for key in keys if key]))
        return self._connection.execute(query.order_by(_table.id.desc()).limit(1)).scalar_one_or_none()

    def waiting_in_vain(self, message_id: str) -> Waiting | None:
        """The request of that message, if nobody at the office has answered or closed it."""
        is_open = _table.closed_at.is_(None) & _table.answered_at.is_(None)
        query = _with_contact().where(_table.message_id == message_id, is_open)
        row = self._connection.execute(query.order_by(contacts.c.id).limit(1)).first()
        return Waiting(**row._mapping) if row else None

    def record_answer(self, message_id: str, keys: Sequence[str], phone: str | None, moment: datetime) -> bool:
        """A person wrote to the sender of these keys at that moment; whether the office has the conversation now.

        False for what is older than 12 hours, or than the last close: it was delivered late.
        """
        theirs = _table.sender.in_(keys)
        closed = self._connection.execute(select(func.max(_table.closed_at)).where(theirs)).scalar()
        if moment <= datetime.now(moment.tzinfo) - HANDED_TO_OFFICE_TIME or (closed and moment <= closed):
            return False
        answered = {
            "told_at": func.coalesce(_table.told_at, moment),
            "answered_at": func.greatest(_table.answered_at, moment),
        }
        changed = office_requests.update().where(theirs, _table.closed_at.is_(None)).values(**answered)
        if not self._connection.execute(changed).rowcount:
            moments = dict.fromkeys(("opened_at", "told_at", "answered_at"), moment)
            values = {"message_id": message_id, "sender": keys[0], "phone": phone, "words": "", "kind": CONVERSATION}
            self._connection.execute(insert(office_requests).values(**values, **moments).on_conflict_do_nothing())
        return True

    def has_conversation(self, keys: Sequence[str | None], *, urgent: bool = False) -> bool:
        """Whether the office has the conversation with the person of these keys (phone, BSUID).

        `urgent`: only because of something urgent.
        """
        query = select(_table.id).where(is_with_office(), _table.sender.in_([key for key in keys if key]))
        if urgent:
            query = query.where(_table.urgent)
        return self._connection.execute(query.limit(1)).first() is not None

    def waiting(self, limit: int) -> tuple[list[Waiting], int]:
        """The open requests, urgent ones first, then the oldest; at most `limit`, and how many there are.

        A conversation that a person began in the app ends by itself.
        """
        is_open = _table.closed_at.is_(None) & ((_table.kind != CONVERSATION) | is_with_office())
        count = select(func.count()).select_from(office_requests).where(is_open)
        rows = self._connection.execute(_with_contact().where(is_open).order_by(_table.urgent.desc(), _table.id))
        found = list({row.number: Waiting(**row._mapping) for row in rows}.values())
        return found[:limit], int(self._connection.execute(count).scalar_one())

    def find_open(self, number: int) -> Waiting | None:
        """The open request of that number."""
        query = _with_contact().where(_table.id == number, _table.closed_at.is_(None))
        row = self._connection.execute(query.order_by(contacts.c.id).limit(1)).first()
        return Waiting(**row._mapping) if row else None

    def count_since(self, moment: datetime) -> int:
        """How many parents asked for the office since that moment."""
        query = select(func.count()).where(_table.opened_at >= moment, _table.kind != CONVERSATION)
        return int(self._connection.execute(query).scalar_one())

    def close(self, message: Message, number: int | None) -> ClosedRequest | None:
        """Close the request of that number, or the one whose notification is quoted, or the latest one.

        None when there is none. The same message closes the same request, however often it is delivered.
        """
        columns = (_table.id, _table.sender, _table.phone, _table.kind)
        done = select(*columns).where(_table.closed_by == message.id)
        row = self._latest(done if number is None else done.where(_table.id == number))
        if row:
            return ClosedRequest(row.id, row.sender, row.phone)
        query = select(*columns).where(_table.closed_at.is_(None))
        if number is not None:
            query = query.where(_table.id == number)
        elif message.about:
            query = query.where(_table.notice_id == message.about)
        else:
            query = query.where(is_with_office())
        row = self._latest(query)
        if row is None:
            return None
        # All open questions of the same parent: one close gives the conversation back. A proof of payment stands alone.
        is_proof = _table.kind.startswith(f"{proofs.KIND}:")
        theirs = (_table.sender == row.sender) & _table.closed_at.is_(None) & ~is_proof
        condition = _table.id == row.id if row.kind.startswith(f"{proofs.KIND}:") else theirs
        values = {"closed_at": func.now(), "closed_by": message.id}
        self._connection.execute(office_requests.update().where(condition).values(**values))
        return ClosedRequest(row.id, row.sender, row.phone)

    def close_proofs(self, student_id: str, closed_by: str) -> int | None:
        """Close the proofs of payment of a student, since a payment has come: the number of the latest, or None.

        The same notice closes the same ones, however often it is delivered.
        """
        is_of_child = _table.kind == proofs.kind_of_request(student_id)
        values = {"closed_at": func.now(), "closed_by": closed_by}
        self._connection.execute(
            office_requests.update().where(is_of_child, _table.closed_at.is_(None)).values(**values)
        )
        query = select(func.max(_table.id)).where(is_of_child, _table.closed_by == closed_by)
        found: int | None = self._connection.execute(query).scalar()
        return found

    def _latest(self, query: Select[Any]) -> Row[Any] | None:
        return self._connection.execute(query.order_by(_table.id.desc()).limit(1).with_for_update()).first()


def _with_contact() -> Select[Any]:
    """Requests with the contact that they are from; a person may be two contacts until they have written again."""
    who = (contacts.c.bsuid == _table.sender) | (contacts.c.phone == _table.sender) | (contacts.c.phone == _table.phone)
    return select(
        _table.id.label("number"),
        _table.sender,
        func.coalesce(_table.phone, contacts.c.phone).label("phone"),
        _table.words,
        _table.kind,
        _table.urgent,
        _table.opened_at,
        contacts.c.profile_name.label("name"),
        contacts.c.bsuid,
        contacts.c.last_message_at,
    ).select_from(office_requests.outerjoin(contacts, who))
