"""What must be in the database before, or although, the conversation is over. SQLAlchemy is loaded only then."""

from collections.abc import Mapping
from typing import Any

from functions.adapters import observe
from functions.adapters.cache import Cache
from functions.domain.conversation import Plan
from functions.domain.inbound import Message
from functions.domain.intents import Intent


def honour(cache: Cache, message: Message, plan: Plan) -> None:
    """STOP or START, before it is confirmed; raises DataUnavailable, for what is not written down is not promised."""
    from functions.adapters import database, message_log

    phone = message.shared_phone or message.phone
    with database.writer() as connection:
        message_log.record_contact(connection, message, phone)
        keys = message_log.opt(connection, phone, message.bsuid, out=plan.intent == Intent.OPT_OUT)
    cache.forget_person(*keys, written=database.position())


def let_go(cache: Cache, message: Message, request: Mapping[str, Any]) -> None:
    """The next try may claim the message again; it must not tell the office once more."""
    cache.release(message.id)
    if request.get("told"):
        from functions.adapters import database, office_requests

        with database.writer() as connection:
            office_requests.told(connection, message.id, request.get("notice_id"))


def break_off(cache: Cache, message: Message, request: Mapping[str, Any]) -> None:
    """The office does not know of this request: someone must see to it that it can be told."""
    observe.count("OfficeNotTold")
    if request.get("told"):  # WhatsApp took the notice, and gave it up within this very moment
        cache.keep_quiet(message.sender, quiet=False)
