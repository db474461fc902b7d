"""The message log: what was asked (never the text), what was answered, what became of it."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, func, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.database.tables import message_log


def outcome(intent: str | None, sent: Mapping[str, Any], *, apology: bool) -> dict[str, object]:
    """The columns that say what became of a message; `sent` is what `send_reply` returned, or empty."""
    values: dict[str, object] = {
        "intent": intent,
        "outcome": ("apologised" if apology else "answered") if sent.get("status") == "sent" else sent.get("status"),
        "answered_at": datetime.fromtimestamp(sent["sent_at"], UTC) if sent.get("sent_at") else None,
        "reply_id": sent.get("reply_id"),
        "reply_messages": sent.get("messages"),
    }
    return values | ({"delivery_error": sent.get("code")} if sent.get("status") == "undeliverable" else {})


@dataclass(frozen=True)
class DayCounts:
    """What happened since midnight."""

    messages: int
    answers: int
    apologies: int


class MessageLog:
    """Within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(
        self, message_id: str, values: Mapping[str, object], *, sender: str = "", type: str = "", timestamp: int = 0
    ) -> None:
        """Write or complete the row of a message; a delivery status may have been recorded before.

        `values`: from `outcome`. `timestamp`: Unix seconds, 0 for now.
        """
        row = {
            "sender": sender,
            "type": type[:32],
            "received_at": datetime.fromtimestamp(timestamp, UTC) if timestamp else datetime.now(UTC),
            **values,
        }
        statement = insert(message_log).values(message_id=message_id, **row)
        self._connection.execute(statement.on_conflict_do_update(index_elements=["message_id"], set_=row))

    def was_answered(self, message_id: str) -> bool:
        query = select(message_log.c.reply_id).where(message_log.c.message_id == message_id)
        return self._connection.execute(query).scalar_one_or_none() is not None

    def was_processed(self, message_id: str) -> bool:
        """Whether it was answered, or recorded as one that needed no answer of its own."""
        query = select(message_log.c.reply_id, message_log.c.sender).where(message_log.c.message_id == message_id)
        row = self._connection.execute(query).one_or_none()
        return row is not None and (row.reply_id is not None or row.sender is not None)

    def count_since(self, sender: str, intents: Collection[str], moment: datetime) -> int:
        """How many messages of these intents the sender has written since that moment."""
        query = select(func.count()).where(
            message_log.c.sender == sender, message_log.c.intent.in_(intents), message_log.c.received_at >= moment
        )
        return int(self._connection.execute(query).scalar_one())

    def replies_since(self, sender: str, moment: datetime) -> int:
        """How many messages the sender has had from us since that moment."""
        query = select(func.coalesce(func.sum(message_log.c.reply_messages), 0)).where(
            message_log.c.sender == sender, message_log.c.answered_at >= moment
        )
        return int(self._connection.execute(query).scalar_one())

    def count_day(self, moment: datetime) -> DayCounts:
        """Messages of people since that moment, and what became of them."""
        is_outcome = {name: func.count().filter(message_log.c.outcome == name) for name in ("answered", "apologised")}
        query = select(func.count(), is_outcome["answered"], is_outcome["apologised"]).where(
            message_log.c.received_at >= moment, message_log.c.sender != "", message_log.c.type != "payment"
        )
        return DayCounts(*self._connection.execute(query).one())
