"""Everything that one release writes and the next one reads: in queues, in the cache, between the states of a long run.

    python -m tests.releases.payloads v0.3

records what this release writes, as `tests/releases/v0.3.json`: at every release, once.
"""

import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from functions.adapters.cache.redis_client import CachedValue, pack, unpack
from functions.adapters.database.students import SyncRun
from functions.domain.conversation import NextStep, Pending, Plan, ReplyType
from functions.domain.intents import Intent, Request
from functions.domain.memory import Turn
from functions.domain.messages import Message
from functions.domain.payments import ExpiredReceipt, PaymentNotice, Receipt
from functions.domain.people import Kind, Person, Student
from functions.domain.staff import Command
from functions.domain.student_records import StudentRecord
from functions.services.student_sync import read_run

FOLDER: Final = Path(__file__).parent


@dataclass(frozen=True)
class Payload:
    """One kind of payload: where it is kept, examples, and how the product writes and reads it."""

    kind: str
    examples: tuple[Any, ...]
    write: Callable[[Any], Any]
    read: Callable[[Any], Any]


def _as_json(value: Any) -> Any:
    return value.as_json()


TANAKA = Student("SSC20250001", "Tanaka", "Moyo", "Grade 3")
TARIRO = Student("SSC20250002", "Tariro", "Moyo", "Form 1")

PAYLOADS: Final = (
    Payload(
        "queue: message",
        (
            Message("wamid.1", "text", 1790000000, "+263770000001", "ZW.1", "106", "Rudo", "balance"),
            Message("wamid.2", "interactive", 1790000000, None, "ZW.1", "106", tap="v1:balance:SSC20250001:2026-3"),
            Message("wamid.3", "audio", 1790000000, "+263770000001", None, "106", is_voice=True, about="wamid.0"),
            Message("wamid.4", "contacts", 1790000000, None, "ZW.1", "106", shared_phone="+263770000001"),
            Message("wamid.5", "undelivered", 1790000000, "+263770000001", None, "106", about="wamid.1"),
            Message("wamid.6", "system", 1790000000, "+263770000001", None, "106", details={"type": "user_changed"}),
        ),
        _as_json,
        Message.read,
    ),
    Payload(
        "queue: payment notice",
        (
            PaymentNotice("R-1", "SSC20250001", "2026-3", Decimal("120.00"), "Tuition", date(2026, 9, 7)),
            PaymentNotice("R-2", "SSC20250001", "2026-3", Decimal("5.50"), "Payment"),
        ),
        _as_json,
        PaymentNotice.read,
    ),
    Payload("queue: expired receipt", (ExpiredReceipt("wamid.9", "payment:R-1:7"),), _as_json, ExpiredReceipt.read),
    Payload(
        "cache: pending question",
        (Pending(Intent.BALANCE, "2026-3"), Pending(Intent.GATE_PASS)),
        _as_json,
        Pending.read,
    ),
    Payload(
        "cache: person",
        (
            Person(Kind.REGISTERED, "+263770000001", "ZW.1", (TANAKA, TARIRO), "Rudo"),
            Person(Kind.VISITOR, "+263770000009", None, opted_out=True),
        ),
        _as_json,
        Person.read,
    ),
    Payload("cache: receipt", (Receipt(TANAKA, "2026-3", Decimal("120.00")),), _as_json, Receipt.read),
    Payload(
        "cache: value",
        (
            CachedValue({"bills": [], "payments": []}, 1790000000.5),
            CachedValue("Monday to Friday, 8 to 4", 1790000000.0),
        ),
        lambda cached: pack(cached.value, cached.fetched_at),
        unpack,
    ),
    Payload(
        "states: plan",
        (
            Plan(
                Intent.BALANCE,
                ReplyType.BALANCE,
                NextStep.SEND_REPLY,
                (TANAKA,),
                "2026-3",
                needs_account=True,
                pending=Pending(Intent.BALANCE),
            ),
            Plan(Intent.QUESTION, ReplyType.MENU, question="When do you open?", personal=True, urgent=True),
        ),
        _as_json,
        Plan.read,
    ),
    Payload(
        "cache: last turn",
        (
            Turn("when do you open?", "answer", "At 8.", ("SSC20250001",), "2026-3", ("SSC20250001", "SSC20250002")),
            Turn("balance", "balance"),
        ),
        _as_json,
        Turn.read,
    ),
    Payload(
        "states: command of staff",
        (Command("reply", "17", "Please call us."), Command("requests", is_complete=False)),
        _as_json,
        Command.read,
    ),
    Payload(
        "states: understood",
        (Request(Intent.STATEMENT, "2026-3", ("SSC20250001",)), Request(Intent.OFFICE)),
        _as_json,
        Request.read,
    ),
    Payload(
        "states: student record",
        (StudentRecord("SSC20250001", "Tanaka", "Moyo", "Grade 3", "0770 000 001", ""),),
        _as_json,
        StudentRecord.read,
    ),
    Payload(
        "states: run of the sync",
        (SyncRun(datetime(2026, 11, 25, 1, 0, tzinfo=UTC), 640),),
        lambda run: {"began_at": run.began_at.isoformat(), "active_before": run.active_before},
        read_run,
    ),
)


def written() -> dict[str, list[Any]]:
    """What this release writes, by kind."""
    return {item.kind: [item.write(example) for example in item.examples] for item in PAYLOADS}


def recorded() -> Path:
    """What the last release wrote."""
    return max(FOLDER.glob("v*.json"), key=lambda path: [int(part) for part in path.stem[1:].split(".")])


if __name__ == "__main__":
    target = FOLDER / f"{sys.argv[1]}.json"
    target.write_text(json.dumps(written(), indent=1, ensure_ascii=False) + "\n")
    print(f"Wrote {target.name}")  # noqa: T201
