"""What WhatsApp tells us besides messages, written to the tables: statuses, reactions, changed keys, consent."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from functions import dependencies
from functions.adapters.database.contacts import Contacts
from functions.adapters.database.message_log import MessageLog
from functions.adapters.database.senders import Senders
from functions.domain.messages import Message
from functions.domain.people import Kind
from functions.services.record_delivery import EventWriter, answered_messages, failed_notifications, in_lock_order
from tests.conftest import Database as Tables

PHONE, BSUID = "+263771234567", "ZW.13491208655302741918"
MOMENT = 1795420800  # Unix seconds
ANSWER = {"intent": "balance", "outcome": "answered", "reply_id": "wamid.reply", "reply_messages": 1}


@pytest.fixture(autouse=True)
def tables(database: Tables) -> Tables:
    return database


def has_written(phone: str | None = PHONE, bsuid: str | None = BSUID) -> None:
    with dependencies.primary().writer() as connection:
        Contacts(connection).record(Message("wamid.1", "text", MOMENT, phone, bsuid, "1"), phone)


def contacts(tables: Tables) -> list[tuple[str | None, str | None]]:
    return [(row["phone"], row["bsuid"]) for row in tables.run("SELECT * FROM contacts ORDER BY id")]


def record(*events: dict[str, Any]) -> list[str]:
    """Write these events in one transaction; the senders that are looked up anew."""
    with dependencies.primary().writer() as connection:
        writer = EventWriter(connection)
        return [sender for event in events for sender in writer.write(event)]


def log(name: str = "wamid.1", **more: Any) -> None:
    with dependencies.primary().writer() as connection:
        MessageLog(connection).record(name, ANSWER | more, sender=BSUID, type="text", timestamp=MOMENT)


def row(tables: Tables, name: str = "wamid.1") -> dict[str, Any]:
    return dict(tables.run("SELECT * FROM message_log WHERE message_id = :name", name=name)[0])


# --- statuses ---------------------------------------------------------------------------------------------------------


def status(state: str, **more: Any) -> dict[str, Any]:
    moment = MOMENT + ["sent", "delivered", "read", "played", "failed", "odd"].index(state)
    return {"kind": "status", "id": "wamid.reply", "status": state, "timestamp": moment, "answer_to": "wamid.1", **more}


@pytest.mark.parametrize("order", list(itertools.permutations(["log", "sent", "delivered", "read"])), ids="-".join)
def test_delivery_state_moves_forward_in_whatever_order_statuses_come(tables: Tables, order: tuple[str, ...]) -> None:
    for step in order:
        if step == "log":
            log()
        else:
            record(status(step), status(step))
    found = row(tables)
    assert (found["delivery"], found["reply_id"], found["outcome"]) == ("read", "wamid.reply", "answered")
    assert found["delivery_at"] == datetime.fromtimestamp(1795420802, UTC)
    assert tables.value("SELECT count(*) FROM message_log") == 1


@pytest.mark.parametrize("round_", range(5))
def test_simultaneous_statuses_before_the_log_row_move_forward_too(tables: Tables, round_: int) -> None:
    start = threading.Barrier(3)

    def report(state: str) -> None:
        start.wait()
        record(status(state))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(report, ["read", "delivered", "sent"]))
    assert row(tables)["delivery"] == "read"


def test_failed_delivery_keeps_its_error_code(tables: Tables) -> None:
    log()
    record(status("sent"), status("failed", error_codes=[131047]), status("delivered"))
    assert (row(tables)["delivery"], row(tables)["delivery_error"]) == ("failed", 131047)
    log("wamid.2", reply_id="r2")
    record(status("failed", id="r2", answer_to="wamid.2"))  # Meta leaves the reason out at times
    assert (row(tables, "wamid.2")["delivery"], row(tables, "wamid.2")["delivery_error"]) == ("failed", None)


def test_message_that_was_read_did_not_fail(tables: Tables) -> None:
    log()
    record(status("read"), status("failed", error_codes=[131026]))
    assert (row(tables)["delivery"], row(tables)["delivery_error"]) == ("read", None)


def test_price_is_kept_and_an_unknown_status_changes_nothing(tables: Tables) -> None:
    log()
    record(status("sent", category="service", billable=False), status("odd"))
    found = row(tables)
    assert (found["delivery"], found["category"], found["billable"]) == ("sent", "service", False)


def test_status_without_the_answered_message_is_found_by_the_reply(tables: Tables) -> None:
    log()
    event = status("read")
    del event["answer_to"]
    record(event)
    assert row(tables)["delivery"] == "read"
    record({**event, "id": "wamid.of nobody"})
    assert tables.value("SELECT kind FROM notices") == "status"


def test_statuses_of_both_parts_of_a_long_answer_are_of_one_row(tables: Tables) -> None:
    log(reply_messages=2)
    record(status("read"), status("delivered", id="wamid.second part"))
    assert (row(tables)["delivery"], row(tables)["reply_id"]) == ("read", "wamid.reply")


def test_status_proves_that_a_message_was_answered_unless_it_failed() -> None:
    found = [status("sent"), status("failed", answer_to="wamid.2"), {"kind": "status", "status": "read"}]
    assert answered_messages(found) == ["wamid.1"]


# --- everything else --------------------------------------------------------------------------------------------------


def unanswered(kind: str, name: str = "wamid.9", **more: Any) -> dict[str, Any]:
    return {
        "kind": "message",
        "id": name,
        "type": kind,
        "timestamp": MOMENT,
        "phone": PHONE,
        "bsuid": BSUID,
        **more,
    }


def test_reactions_are_recorded_as_feedback_once(tables: Tables) -> None:
    up = unanswered("reaction", about="wamid.reply", emoji="👍")
    record(up, up, unanswered("reaction", "wamid.10", about="wamid.reply", emoji="👎"))
    record(unanswered("reaction", "wamid.11", about="wamid.reply"))
    rows = tables.run("SELECT about, sender, verdict FROM feedback ORDER BY id")
    assert [row["verdict"] for row in rows] == ["up", "down", None]
    assert rows[0]["sender"] == BSUID


def test_changed_number_moves_with_its_person(tables: Tables) -> None:
    has_written()
    has_written("+263770000000", "ZW.earlier owner")
    details = {"type": "user_changed_number", "wa_id": "263770000000", "user_id": "ZW.2"}
    changed = record(unanswered("system", details=details))
    assert contacts(tables) == [("+263770000000", "ZW.2")]
    assert set(changed) == {BSUID, PHONE, "ZW.2", "+263770000000"}  # all of them are looked up anew
    with dependencies.primary().writer() as connection:
        assert Senders(connection).find(None, BSUID).kind == Kind.NO_NUMBER


def test_change_to_no_known_key_deletes_the_contact(tables: Tables) -> None:
    has_written()
    record(unanswered("system", details={"type": "user_changed_number"}))
    assert contacts(tables) == []


def test_changed_number_of_an_unknown_person_changes_nobody(tables: Tables) -> None:
    has_written(None, "ZW.hidden")
    record(
        unanswered("system", phone=None, bsuid="ZW.other", details={"type": "user_changed_number", "user_id": "ZW.2"})
    )
    record(unanswered("system", phone=None, bsuid=None, details={"type": "user_changed_number", "user_id": "ZW.2"}))
    assert contacts(tables) == [(None, "ZW.hidden")]


def test_changed_number_of_a_person_known_by_user_id_is_found(tables: Tables) -> None:
    has_written(phone=None)
    details = {"type": "user_changed_number", "user_id": "ZW.2"}
    record(unanswered("system", phone=None, details=details))
    assert contacts(tables) == [(None, "ZW.2")]


def test_changed_number_known_without_its_user_id_is_replaced(tables: Tables) -> None:
    has_written(bsuid=None)
    with dependencies.primary().writer() as connection:
        Contacts(connection).set_opted_out(PHONE, None, opted_out=True, moment=datetime.now(UTC))
    record(unanswered("system", details={"type": "user_changed_number", "wa_id": "263770000000", "user_id": "ZW.2"}))
    assert contacts(tables) == [("+263770000000", "ZW.2")]
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")


def test_changed_user_id_keeps_the_number(tables: Tables) -> None:
    has_written()
    record(unanswered("system", details={"type": "user_changed_user_id", "user_id": "ZW.2"}))
    assert contacts(tables) == [(PHONE, "ZW.2")]
    update = {"user_id_update": [{"user_id": {"previous": "ZW.2", "current": "ZW.3"}}]}
    assert record({"kind": "notice", "field": "user_id_update", "value": update}) == ["ZW.2", "ZW.3"]
    assert contacts(tables) == [(PHONE, "ZW.3")]


def preference(value: str, **keys: str) -> dict[str, Any]:
    return {"kind": "notice", "field": "user_preferences", "value": {"user_preferences": [{"value": value, **keys}]}}


@pytest.mark.parametrize("keys", [{"wa_id": PHONE[1:]}, {"user_id": BSUID}, {"wa_id": PHONE[1:], "user_id": BSUID}])
def test_stop_and_resume_by_whatsapps_own_button_are_recorded(tables: Tables, keys: dict[str, str]) -> None:
    has_written()
    record(preference("stop", **keys))
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")
    record(preference("resume", **keys))
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")
    assert len(contacts(tables)) == 1


@pytest.mark.parametrize("as_text", [True, False])
def test_preferences_count_in_the_order_in_which_they_were_given(tables: Tables, as_text: bool) -> None:
    """The queue that they come on keeps no order."""

    def given(value: str, moment: int) -> dict[str, Any]:
        item = {"value": value, "user_id": BSUID, "timestamp": str(moment) if as_text else moment}
        return {"kind": "notice", "field": "user_preferences", "value": {"user_preferences": [item]}}

    record(given("stop", MOMENT + 60), given("resume", MOMENT))
    assert tables.value("SELECT opted_out_at FROM contacts") == datetime.fromtimestamp(MOMENT + 60, UTC)
    record(given("resume", MOMENT + 61))
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


def test_stop_before_a_late_notice_of_a_changed_number_is_kept(tables: Tables) -> None:
    has_written(bsuid=None)
    stop = {"value": "stop", "wa_id": "263770000000", "timestamp": MOMENT + 60}
    record({"kind": "notice", "field": "user_preferences", "value": {"user_preferences": [stop]}})
    changed = {"type": "user_changed_number", "wa_id": "263770000000"}
    record(unanswered("system", bsuid=None, timestamp=MOMENT + 30, details=changed))
    assert contacts(tables) == [("+263770000000", None)]
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")


def test_someone_unknown_can_opt_out(tables: Tables) -> None:
    record(preference("stop", wa_id=PHONE[1:]), preference("another word", wa_id="2637700000"))
    assert contacts(tables) == [(PHONE, None)]
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")


@pytest.mark.parametrize("known", [{"bsuid": None}, {"phone": None}])
def test_opt_out_finds_a_person_known_by_one_key_only(tables: Tables, known: dict[str, None]) -> None:
    has_written(**known)
    record(preference("stop", wa_id=PHONE[1:], user_id=BSUID))
    assert [row["opted_out_at"] is not None for row in tables.run("SELECT opted_out_at FROM contacts")] == [True]


def test_opt_out_without_a_key_changes_nobody(tables: Tables) -> None:
    has_written(phone=None)
    assert record(preference("stop")) == []
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


def test_failure_because_the_person_stopped_us_is_an_opt_out(tables: Tables) -> None:
    has_written()
    log()
    assert set(record(status("failed", error_codes=[131050], to=PHONE[1:]))) == {PHONE, BSUID}
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")


def test_everything_else_is_recorded_once_and_without_its_text(tables: Tables) -> None:
    group = unanswered("text", group_id="group", text="my daughter is ill")
    notice = {"kind": "notice", "field": "message_template_status_update", "value": {"event": "APPROVED"}}
    error = {"kind": "error", "value": {"code": 130429}}
    for _ in range(2):
        record(group, notice, error, unanswered("edit"), unanswered("revoke"))
    kept = tables.run("SELECT kind, content FROM notices ORDER BY kind")
    assert [item["kind"] for item in kept] == ["edit", "error", "message_template_status_update", "revoke", "text"]
    assert "daughter" not in str(kept)


# --- batches ----------------------------------------------------------------------------------------------------------


def test_statuses_are_written_in_the_order_of_their_messages_and_before_the_rest() -> None:
    reaction = unanswered("reaction", about="wamid.reply")
    later, by_reply = status("read", answer_to="wamid.2"), {"kind": "status", "id": "wamid.0", "status": "sent"}
    assert in_lock_order([reaction, later, status("sent"), by_reply]) == [by_reply, status("sent"), later, reaction]


def test_failed_notifications_name_the_message_of_the_parent() -> None:
    events = [
        status("failed", answer_to="wamid.1:office"),
        status("failed", answer_to="wamid.2"),
        status("delivered", answer_to="wamid.3:office"),
    ]
    assert failed_notifications(events) == ["wamid.1"]
