"""What was asked and what was answered: one row for each message, without its text."""

from datetime import UTC, datetime
from typing import Any

import pytest

from functions import dependencies
from functions.adapters.database.message_log import MessageLog, outcome
from tests.adapters.database.conftest import BSUID, MOMENT
from tests.conftest import Database as Tables

ANSWER = {"intent": "balance", "outcome": "answered", "reply_id": "wamid.reply", "reply_messages": 1}


def record(name: str = "wamid.1", type: str = "text", **more: Any) -> None:
    with dependencies.primary().writer() as connection:
        MessageLog(connection).record(name, ANSWER | more, sender=BSUID, type=type, timestamp=MOMENT)


def was_answered(name: str) -> bool:
    with dependencies.primary().writer() as connection:
        return MessageLog(connection).was_answered(name)


def row(tables: Tables, name: str = "wamid.1") -> dict[str, Any]:
    return dict(tables.run("SELECT * FROM message_log WHERE message_id = :name", name=name)[0])


def test_answered_message_is_known_as_answered(tables: Tables) -> None:
    assert not was_answered("wamid.1")
    record()
    assert was_answered("wamid.1")
    assert row(tables)["received_at"] == datetime.fromtimestamp(MOMENT, UTC)
    record("wamid.2", reply_id=None, outcome="undeliverable")
    assert not was_answered("wamid.2")


def test_row_of_a_delivery_status_that_came_first_is_completed(tables: Tables) -> None:
    tables.run("INSERT INTO message_log (message_id, delivery) VALUES ('wamid.1', 'read')")
    record()
    found = row(tables)
    assert (found["delivery"], found["sender"], found["intent"]) == ("read", BSUID, "balance")
    assert tables.value("SELECT count(*) FROM message_log") == 1


def test_unknown_type_of_any_length_is_recorded(tables: Tables) -> None:
    record(type="x" * 200)
    assert row(tables)["type"] == "x" * 32


def test_messages_are_counted_by_sender_intent_and_time() -> None:
    for place in range(3):
        record(f"wamid.{place}", intent="question", reply_id=f"r{place}")
    record("wamid.menu", intent="menu", reply_id="r")
    since = datetime.fromtimestamp(MOMENT - 60, UTC)
    with dependencies.primary().writer() as connection:
        log = MessageLog(connection)
        assert log.count_since(BSUID, ["question"], since) == 3
        assert log.count_since(BSUID, ["question", "menu"], since) == 4
        assert log.count_since(BSUID, ["question"], datetime.fromtimestamp(MOMENT + 1, UTC)) == 0
        assert log.count_since("someone else", ["question"], since) == 0


def test_replies_are_counted_by_messages() -> None:
    answered = datetime.fromtimestamp(MOMENT, UTC)
    record("wamid.1", reply_messages=2, reply_id="r1", answered_at=answered)
    record("wamid.2", reply_messages=1, reply_id="r2", answered_at=answered)
    record("wamid.3", reply_messages=None, answered_at=None)
    with dependencies.primary().writer() as connection:
        log = MessageLog(connection)
        assert log.replies_since(BSUID, answered) == 3
        assert log.replies_since(BSUID, datetime.fromtimestamp(MOMENT + 1, UTC)) == 0
        assert log.replies_since("someone else", answered) == 0


@pytest.mark.parametrize(
    ("sent", "apology", "expected"),
    [
        (
            {"status": "sent", "sent_at": MOMENT, "reply_id": "wamid.reply", "messages": 2},
            False,
            {"outcome": "answered", "answered_at": datetime.fromtimestamp(MOMENT, UTC), "reply_messages": 2},
        ),
        ({"status": "sent", "reply_id": "wamid.reply"}, True, {"outcome": "apologised", "reply_id": "wamid.reply"}),
        ({"status": "undeliverable", "code": 131047}, False, {"outcome": "undeliverable", "delivery_error": 131047}),
        ({}, False, {"outcome": None, "answered_at": None, "reply_id": None}),
    ],
    ids=["sent", "apology", "undeliverable", "nothing sent"],
)
def test_outcome_says_what_became_of_a_message(
    sent: dict[str, object], apology: bool, expected: dict[str, object]
) -> None:
    values = outcome("balance", sent, apology=apology)
    assert values["intent"] == "balance"
    assert {name: values[name] for name in expected} == expected
    assert ("delivery_error" in values) == ("delivery_error" in expected)
