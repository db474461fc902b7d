"""The table of parents who asked for a person."""

from dataclasses import dataclass

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.models import office_requests
from functions.domain.inbound import Message


@dataclass(frozen=True)
class Closed:
    """A request that has just been closed."""

    number: int
    sender: str


def open_request(connection: Connection, message: Message, words: str) -> int:
    """The number of the request of this message; the same one however often it is delivered."""
    values = {"sender": message.sender, "phone": message.phone, "words": words}
    connection.execute(insert(office_requests).values(message_id=message.id, **values).on_conflict_do_nothing())
    query = select(office_requests.c.id).where(office_requests.c.message_id == message.id)
    return int(connection.execute(query).scalar_one())


def close_request(connection: Connection, number: int | None) -> Closed | None:
    """Close the request of that number, or the latest open one; None when there is none."""
    query = select(office_requests.c.id, office_requests.c.sender).where(office_requests.c.closed_at.is_(None))
    if number is not None:
        query = query.where(office_requests.c.id == number)
    row = connection.execute(query.order_by(office_requests.c.id.desc()).limit(1).with_for_update()).first()
    if row is None:
        return None
    # Whoever asked twice is answered by Mya again after one close.
    condition = (office_requests.c.sender == row.sender) & office_requests.c.closed_at.is_(None)
    connection.execute(office_requests.update().where(condition).values(closed_at=func.now()))
    return Closed(row.id, row.sender)
