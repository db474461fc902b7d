"""Events of one parent's conversation, as the state machines carry them, for the tests of several handlers."""

import json
from collections.abc import Mapping
from typing import Any

from functions import record_conversation, record_delivery, staff_command
from functions.adapters.school_config import school
from tests.conftest import Database

RUDO, TARIRO = "+263772100001", "SSC20250001"
TERM = "2026-3"
MESSAGE = {"id": "wamid.1", "type": "text", "phone": RUDO, "bsuid": "ZW.1", "text": "balance", "phone_number_id": "1"}
CHILD = {"id": TARIRO, "first_name": "Tariro", "last_name": "Moyo", "grade": "Grade 3"}
PERSON = {"kind": "registered", "phone": RUDO, "bsuid": "ZW.1", "students": [CHILD]}
BALANCE = {"intent": "balance", "reply_type": "balance", "students": [CHILD], "term": TERM, "needs_account": True}
BILLS = [{"fee_type": "Tuition", "amount": "400.00", "date": "2026-09-07"}]
ACCOUNT = {
    "term": TERM,
    "as_of": "",
    "stale": False,
    "bills": {TARIRO: BILLS},
    "payments": {TARIRO: [{"fee_type": "Tuition", "amount": "160.00", "date": None}]},
}
GATE_PASS = BALANCE | {"intent": "gate_pass", "reply_type": "gate_pass", "next": "gate_pass"}
STOP = {"intent": "opt_out", "reply_type": "opted_out", "next": "record_consent"}
START = {"intent": "opt_in", "reply_type": "opted_in", "next": "record_consent"}
OFFICE = {"intent": "office", "reply_type": "office_told", "next": "open_office_request", "question": "the bus"}
NOTIFIED = {"number": 1, "notified": True, "notification_id": "wamid.notification"}
SENT = {"status": "sent", "reply_id": "wamid.reply", "messages": 1, "media_id": None, "sent_at": 1795420800}


def issued_pass(**more: Any) -> dict[str, Any]:
    """What `gate_pass` returns for a new pass."""
    found = {
        "outcome": "issued",
        "delivery": "document",
        "request_of_week": 1,
        "pass_id": 1,
        "number": "GP-2026-3-000001",
        "valid_until": "2026-11-30",
        "percent_paid": 50,
        "file_key": "passes/GP-2026-3-000001.pdf",
        "media_id": None,
    }
    return found | more


def record(**found: Any) -> dict[str, Any]:
    """Record the conversation about a balance that was just fetched and sent."""
    event = {"message": MESSAGE, "person": PERSON, "plan": BALANCE, "account": ACCOUNT, "fetched": True, "sent": SENT}
    return record_conversation.handler(event | found, None)


def status(state: str, **more: Any) -> dict[str, Any]:
    """A delivery status of the reply to MESSAGE."""
    found = {"kind": "status", "id": "wamid.reply", "status": state, "timestamp": 1795420800, "answer_to": "wamid.1"}
    return found | more


def sqs_batch(*bodies: Any) -> dict[str, Any]:
    """One SQS record for each list of events, or for each raw body."""
    return {
        "Records": [
            {"messageId": str(place), "body": body if isinstance(body, str) else json.dumps({"events": body})}
            for place, body in enumerate(bodies)
        ]
    }


def deliver(*batches: list[dict[str, Any]]) -> list[Any]:
    """Hand these lists of events to `record_delivery`; the records that failed."""
    return list(record_delivery.handler(sqs_batch(*batches), None)["batchItemFailures"])


def log_row(database: Database, message_id: str = "wamid.1") -> Mapping[str, Any]:
    """The message's row in the message log."""
    return database.run("SELECT * FROM message_log WHERE message_id = :id", id=message_id)[0]


def ask_office(database: Database, sender: str, message_id: str, hours_ago: int = 0, *, notified: bool = True) -> int:
    """A request to the office that is open already; its number."""
    database.run(
        "INSERT INTO office_requests (message_id, sender, words, opened_at, told_at, notice_id) VALUES "
        "(:id, :sender, '', now() - make_interval(hours => :hours), CASE WHEN :notified THEN now() END, :notice)",
        id=message_id,
        sender=sender,
        hours=hours_ago,
        notified=notified,
        notice=f"notification of {message_id}",
    )
    return int(database.value("SELECT max(id) FROM office_requests"))


def command(
    name: str, about: str | None = None, words: str | None = None, *, quoted: str | None = None, **message: Any
) -> dict[str, Any]:
    """What `staff_command` returns for a command of the office; `quoted`: the message that it replies to."""
    number = school().office.whatsapp
    plan = {
        "intent": "staff",
        "reply_type": "staff",
        "next": "staff_command",
        "command": {"name": name, "about": about, "words": words},
    }
    found = MESSAGE | {"id": "wamid.command", "phone": number, "bsuid": "ZW.office", "about": quoted} | message
    person = {"kind": "visitor", "phone": number, "bsuid": "ZW.office"}
    return staff_command.handler({"message": found, "person": person, "plan": plan}, None)
