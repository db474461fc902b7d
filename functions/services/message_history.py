"""What only the database knows of a message or its sender. Asked when the cache cannot tell."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from functions.domain.errors import DataUnavailable
from functions.domain.intents import Intent
from functions.domain.messages import Message
from functions.domain.people import Kind, Person

if TYPE_CHECKING:
    from functions.adapters.database.connection import Database


@dataclass(frozen=True)
class MessageHistory:
    """Each question has a plain answer for when the database is down."""

    database: "Callable[[], Database]"

    def was_answered(self, message_id: str) -> bool | None:
        """Also with another message, or recorded as one that needs no answer; None when the database is down."""
        from functions.adapters.database.message_log import MessageLog

        try:
            with self.database().writer() as connection:
                return MessageLog(connection).was_processed(message_id)
        except DataUnavailable:
            return None

    def is_handed_to_office(self, message: Message) -> bool:
        """Whether the office has this conversation; False when the database is down."""
        from functions.adapters.database.office_requests import OfficeRequests

        try:
            with self.database().writer() as connection:
                return OfficeRequests(connection).has_conversation([message.phone, message.bsuid])
        except DataUnavailable:
            return False

    def has_urgent_request(self, message: Message) -> bool:
        """Whether the office has an urgent request of the sender; False when the database is down."""
        from functions.adapters.database.office_requests import OfficeRequests

        try:
            with self.database().writer() as connection:
                return OfficeRequests(connection).has_conversation([message.phone, message.bsuid], urgent=True)
        except DataUnavailable:
            return False

    def promised_in_vain(self, message_id: str) -> tuple[Person, bool] | None:
        """Whom we promised an answer of the office to that message, and whether it was urgent; None for nobody.

        Raises DataUnavailable while the promise is not known to be out, and when the database is down.
        """
        from functions.adapters.database.message_log import MessageLog
        from functions.adapters.database.office_requests import OfficeRequests

        with self.database().writer() as connection:
            request = OfficeRequests(connection).waiting_in_vain(message_id)
            if request is None:
                return None
            if not MessageLog(connection).was_answered(message_id):
                raise DataUnavailable("the parent has no reply yet")
        return Person(Kind.UNSURE, *request.keys), request.urgent

    def may_be_written_to(self, message: Message) -> bool:
        """Whether we may write first to the sender; False when the database is down.

        Reads the primary, since an opt-out of this very second counts.
        """
        from functions.adapters.database.senders import Senders

        try:
            with self.database().writer() as connection:
                return Senders(connection).may_be_written_to(message.phone, message.bsuid)
        except DataUnavailable:
            return False

    def count_today(self, sender: str, intents: Collection[Intent], now: datetime) -> int:
        """How many messages of these intents the sender has written today; 0 when the database is down."""
        from functions.adapters.database.message_log import MessageLog

        try:
            names = [intent.value for intent in intents]
            return self.database().read(
                lambda connection: MessageLog(connection).count_since(sender, names, _midnight(now))
            )
        except DataUnavailable:
            return 0

    def replies_today(self, sender: str, now: datetime) -> int:
        """How many messages the sender has had from us today; 0 when the database is down."""
        from functions.adapters.database.message_log import MessageLog

        try:
            return self.database().read(lambda connection: MessageLog(connection).replies_since(sender, _midnight(now)))
        except DataUnavailable:
            return 0

    def prewarm(self) -> None:
        """Load the database's library and connect to the replica."""
        from functions.adapters.database import message_log, senders  # noqa: F401

        self.database().prewarm_reader()


def _midnight(now: datetime) -> datetime:
    return now.replace(hour=0, minute=0, second=0, microsecond=0)
