"""STOP and START: whether we may write to a person first."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

from functions.adapters.cache.sender_cache import SenderCache
from functions.adapters.database.connection import Database
from functions.adapters.database.contacts import Contacts
from functions.domain.conversation import Plan, ReplyType
from functions.domain.intents import Intent
from functions.domain.messages import Message, written_at


@dataclass(frozen=True)
class ConsentRecorder:
    """Recorded before it is confirmed, so that a confirmed STOP cannot be lost."""

    database: Database
    senders: SenderCache

    def record(self, message: Message, plan: Plan) -> Plan:
        """Write STOP or START; the plan, whose reply tells what holds now: a later one may be recorded already.

        Raises DataUnavailable when it cannot be written.
        """
        phone = message.shared_phone or message.phone
        moment = written_at(message.timestamp, datetime.now(UTC))
        with self.database.writer() as connection:
            contacts = Contacts(connection)
            contacts.record(message, phone)
            is_stop = plan.intent == Intent.OPT_OUT
            keys = contacts.set_opted_out(phone, message.bsuid, opted_out=is_stop, moment=moment)
            is_out = contacts.has_opted_out(phone, message.bsuid)
        self.senders.forget_person(*keys, min_wal=self.database.wal_position())
        return replace(plan, reply_type=ReplyType.OPTED_OUT if is_out else ReplyType.OPTED_IN)
