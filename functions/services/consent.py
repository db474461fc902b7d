"""STOP and START: whether we may write to a person first."""

from dataclasses import dataclass

from functions.adapters.cache.sender_cache import SenderCache
from functions.adapters.database.connection import Database
from functions.adapters.database.contacts import Contacts
from functions.domain.conversation import Plan
from functions.domain.intents import Intent
from functions.domain.messages import Message


@dataclass(frozen=True)
class ConsentRecorder:
    """Recorded before it is confirmed, so that a confirmed STOP cannot be lost."""

    database: Database
    senders: SenderCache

    def record(self, message: Message, plan: Plan) -> None:
        """Write STOP or START; raises DataUnavailable when it cannot be written."""
        phone = message.shared_phone or message.phone
        with self.database.writer() as connection:
            contacts = Contacts(connection)
            contacts.record(message, phone)
            keys = contacts.set_opted_out(phone, message.bsuid, opted_out=plan.intent == Intent.OPT_OUT)
        self.senders.forget_person(*keys, min_wal=self.database.wal_position())
