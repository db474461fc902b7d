"""The table of parents who asked for a person."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, Select, func, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.models import contacts, office_requests
from functions.domain.deliveries import QUIET, WINDOW
from functions.domain.inbound import Message

_table = office_requests.c


@dataclass(frozen=True)
class Opened:
    """The request of one message, and what the office knows of it."""

    number: int
    told: bool
    failed: bool  # the office was told, and then WhatsApp gave the notice up


@dataclass(frozen=True)
class Closed:
    """A request that has just been closed."""

    number: int
    sender: str


def open_request(connection: Connection, message: Message, words: str) -> Opened:
    """The request of this message; the same one however often it is delivered."""
    values = {"sender": message.sender, "phone": message.phone, "words": words}
    connection.execute(insert(office_requests).values(message_id=message.id, **values).on_conflict_do_nothing())
    row = connection.execute(select(office_requests).where(_table.message_id == message.id)).one()
    return Opened(row.id, row.told_at is not None, row.failed_at is not None)


def may_write_to(connection: Connection, phone: str | None) -> bool:
    """Whether the office has written to us within 24 hours: after that WhatsApp takes approved messages only."""
    query = select(contacts.c.id).where(contacts.c.phone == phone, contacts.c.last_message_at > func.now() - WINDOW)
    return connection.execute(query).first() is not None


def told(connection: Connection, message_id: str, notice_id: str | None) -> bool:
    """The office knows of the request of this message; False where WhatsApp has given the notice up already."""
    values = {
        "told_at": func.coalesce(_table.told_at, func.now()),
        "notice_id": func.coalesce(notice_id, _table.notice_id),
    }
    condition = (_table.message_id == message_id) & _table.failed_at.is_(None)
    return bool(connection.execute(office_requests.update().where(condition).values(**values)).rowcount)


def not_told(connection: Connection, message_id: str) -> None:
    """WhatsApp took the notice and gave it up: the office knows nothing of this request."""
    values = {"told_at": None, "failed_at": func.now()}
    connection.execute(office_requests.update().where(_table.message_id == message_id).values(**values))


def senders_not_told(connection: Connection, message_ids: Sequence[str]) -> list[str]:
    """Who of these was promised an answer that nobody knows to give."""
    query = select(_table.sender).where(_table.message_id.in_(message_ids), _table.failed_at.is_not(None)).distinct()
    return list(connection.execute(query).scalars())


def with_the_office() -> ColumnElement[bool]:
    """Requests that the office knows of and has not closed: the assistant keeps quiet there, 12 hours at the most."""
    return _table.told_at.is_not(None) & _table.closed_at.is_(None) & (_table.opened_at > func.now() - QUIET)


def is_with_the_office(connection: Connection, keys: Sequence[str | None]) -> bool:
    """Whether the office has the conversation with the person of these keys."""
    query = select(_table.id).where(with_the_office(), _table.sender.in_([key for key in keys if key]))
    return connection.execute(query.limit(1)).first() is not None


def close_request(connection: Connection, message: Message, number: int | None) -> Closed | None:
    """Close the request of that number, or the one whose notice is quoted, or the latest that the office knows of.

    None when there is none. The same message closes the same request, however often it is delivered.
    """
    done = select(_table.id, _table.sender).where(_table.closed_by == message.id)
    row = _latest(connection, done if number is None else done.where(_table.id == number))
    if row:
        return Closed(row.id, row.sender)
    query = select(_table.id, _table.sender).where(_table.closed_at.is_(None))
    if number is not None:
        query = query.where(_table.id == number)
    elif message.about:
        query = query.where(_table.notice_id == message.about)
    else:
        query = query.where(with_the_office())
    row = _latest(connection, query)
    if row is None:
        return None
    # Whoever asked twice is answered again after one close.
    condition = (_table.sender == row.sender) & _table.closed_at.is_(None)
    values = {"closed_at": func.now(), "closed_by": message.id}
    connection.execute(office_requests.update().where(condition).values(**values))
    return Closed(row.id, row.sender)


def _latest(connection: Connection, query: Select[Any]) -> Row[Any] | None:
    return connection.execute(query.order_by(_table.id.desc()).limit(1).with_for_update()).first()
