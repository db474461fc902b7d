"""Who has written, what became of each answer, and what WhatsApp tells us besides, on real PostgreSQL."""

import itertools
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from functions.adapters.database import message_log, senders
from functions.adapters.database.connection import writer
from functions.adapters.whatsapp.inbound import Message
from functions.domain.people import Kind
from functions.services import delivery_events
from tests.conftest import Database

PHONE, BSUID = "+263771234567", "ZW.13491208655302741918"


@pytest.fixture(autouse=True)
def tables(database: Database) -> Database:
    return database


def message(name: str = "wamid.1", phone: str | None = PHONE, bsuid: str | None = BSUID, **more: Any) -> Message:
    return Message(name, more.pop("type", "text"), 1795420800, phone, bsuid, "106540352242922", **more)


def met(found: Message, phone: str | None = None) -> bool:
    with writer() as connection:
        return message_log.record_contact(connection, found, phone or found.phone)


def contacts(tables: Database) -> list[tuple[str | None, str | None]]:
    return [(row["phone"], row["bsuid"]) for row in tables.run("SELECT * FROM contacts ORDER BY id")]


def record(*found: dict[str, Any]) -> list[str]:
    with writer() as connection:
        return [changed for event in found for changed in delivery_events.record(connection, event)]


# --- contacts ---------------------------------------------------------------------------------------------------------


def test_everyone_who_writes_is_one_contact(tables: Database) -> None:
    assert met(message(profile_name="Rudo"))
    assert not met(message(profile_name="Rudo M."))
    assert contacts(tables) == [(PHONE, BSUID)]
    assert tables.value("SELECT profile_name FROM contacts") == "Rudo M."


def test_a_person_known_by_number_and_by_user_id_becomes_one(tables: Database) -> None:
    met(message(bsuid=None))
    met(message(phone=None))
    assert contacts(tables) == [(PHONE, None), (None, BSUID)]
    assert met(message())
    assert contacts(tables) == [(PHONE, BSUID)]


def test_a_shared_number_is_kept_with_the_user_id(tables: Database) -> None:
    met(message(phone=None))
    assert met(message(phone=None, type="contacts", shared_phone=PHONE), PHONE)
    assert contacts(tables) == [(PHONE, BSUID)]
    assert not met(message(phone=None))  # and not lost when the number is hidden again
    assert contacts(tables) == [(PHONE, BSUID)]


def test_an_opt_out_survives_the_joining_of_two(tables: Database) -> None:
    met(message(bsuid=None))
    with writer() as connection:
        message_log.opt(connection, PHONE, None, out=True)
    met(message(phone=None))
    met(message())
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")
    with writer() as connection:
        message_log.opt(connection, PHONE, BSUID, out=False)
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


def test_their_24_hours_count_from_the_latest_message_by_its_own_time(tables: Database) -> None:
    met(message())
    met(replace(message("wamid.2"), timestamp=1795420800 - 3600))  # late, and out of order
    met(replace(message("wamid.3"), timestamp=0))  # pasted by hand
    assert tables.value("SELECT last_message_at FROM contacts") == datetime.fromtimestamp(1795420800, UTC)
    met(replace(message("wamid.4"), timestamp=1795420860))
    assert tables.value("SELECT last_message_at FROM contacts") == datetime.fromtimestamp(1795420860, UTC)


@pytest.mark.parametrize("round_", range(5))
def test_two_first_messages_of_one_instant_are_both_recorded(tables: Database, round_: int) -> None:
    start = threading.Barrier(2)

    def first(name: str) -> bool:
        with writer() as connection:
            start.wait()
            message_log.record(connection, message(name), {"outcome": "answered"})
            return message_log.record_contact(connection, message(name), PHONE)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(first, ["wamid.1", "wamid.2"]))
    assert contacts(tables) == [(PHONE, BSUID)]
    assert tables.value("SELECT count(*) FROM message_log") == 2


def test_a_number_that_changed_hands_goes_with_its_new_owner(tables: Database) -> None:
    met(message())
    met(message(bsuid="ZW.2"))
    assert contacts(tables) == [(PHONE, "ZW.2")]
    with writer() as connection:
        assert senders.find(connection, None, BSUID).kind == Kind.NO_NUMBER


# --- whose children ---------------------------------------------------------------------------------------------------


def find(phone: str | None, bsuid: str | None = BSUID) -> senders.Person:
    with writer() as connection:
        return senders.find(connection, phone, bsuid)


def test_a_number_on_record_opens_its_own_active_children_only(tables: Database) -> None:
    tables.add_student("Tariro Moyo", PHONE, "SSC1")
    tables.add_student("Tanaka Moyo", PHONE, "SSC2")
    tables.add_student("Another Child", "+263779999999", "SSC3")
    tables.run("INSERT INTO phones VALUES ('SSC1', :phone, 'student')", phone=PHONE)  # on record in two ways
    found = find(PHONE)
    assert (found.kind, [student.id for student in found.students]) == (Kind.REGISTERED, ["SSC1", "SSC2"])
    tables.run("UPDATE students SET active = false WHERE id = 'SSC2'")
    assert [student.id for student in find(PHONE).students] == ["SSC1"]
    tables.run("UPDATE students SET active = false")
    assert find(PHONE).kind == Kind.VISITOR


def test_without_a_number_the_one_proved_earlier_counts(tables: Database) -> None:
    tables.add_student("Tariro Moyo", PHONE, "SSC1")
    assert find(None).kind == Kind.NO_NUMBER
    met(message(phone=None, shared_phone=PHONE), PHONE)
    assert (find(None).kind, find(None).phone) == (Kind.REGISTERED, PHONE)
    assert find(None, "ZW.2").kind == Kind.NO_NUMBER


# --- the log ----------------------------------------------------------------------------------------------------------

ANSWER = {"intent": "balance", "outcome": "answered", "reply_id": "wamid.reply", "reply_messages": 1}


def log(name: str = "wamid.1", **more: Any) -> None:
    with writer() as connection:
        message_log.record(connection, message(name), ANSWER | more)


def row(tables: Database, name: str = "wamid.1") -> dict[str, Any]:
    return dict(tables.run("SELECT * FROM message_log WHERE message_id = :name", name=name)[0])


def test_an_answered_message_is_known_as_answered(tables: Database) -> None:
    with writer() as connection:
        assert not message_log.was_answered(connection, "wamid.1")
    log()
    with writer() as connection:
        assert message_log.was_answered(connection, "wamid.1")
    assert row(tables)["received_at"] == datetime.fromtimestamp(1795420800, UTC)


def test_questions_of_a_day_are_counted(tables: Database) -> None:
    for place in range(3):
        log(f"wamid.{place}", intent="question", reply_id=f"r{place}")
    log("wamid.menu", intent="menu", reply_id="r")
    with writer() as connection:
        since = datetime.fromtimestamp(1795420800 - 60, UTC)
        assert message_log.questions_since(connection, BSUID, since) == 3
        assert message_log.questions_since(connection, BSUID, datetime.fromtimestamp(1795420801, UTC)) == 0
        assert message_log.questions_since(connection, "someone else", since) == 0


# --- statuses ---------------------------------------------------------------------------------------------------------


def status(state: str, **more: Any) -> dict[str, Any]:
    moment = 1795420800 + ["sent", "delivered", "read", "played", "failed", "odd"].index(state)
    return {"kind": "status", "id": "wamid.reply", "status": state, "timestamp": moment, "answer_to": "wamid.1", **more}


@pytest.mark.parametrize("order", list(itertools.permutations(["log", "sent", "delivered", "read"])), ids="-".join)
def test_statuses_move_forward_in_whatever_order_they_come(tables: Database, order: tuple[str, ...]) -> None:
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
def test_statuses_of_one_instant_before_the_log_row_move_forward_too(tables: Database, round_: int) -> None:
    start = threading.Barrier(3)

    def tell(state: str) -> None:
        start.wait()
        record(status(state))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(tell, ["read", "delivered", "sent"]))
    assert row(tables)["delivery"] == "read"


def test_a_failure_keeps_its_code(tables: Database) -> None:
    log()
    record(status("sent"), status("failed", error_codes=[131047]), status("delivered"))
    assert (row(tables)["delivery"], row(tables)["delivery_error"]) == ("failed", 131047)
    log("wamid.2", reply_id="r2")
    record(status("failed", id="r2", answer_to="wamid.2"))  # Meta leaves the reason out at times
    assert (row(tables, "wamid.2")["delivery"], row(tables, "wamid.2")["delivery_error"]) == ("failed", None)


def test_what_was_seen_did_not_fail(tables: Database) -> None:
    log()
    record(status("read"), status("failed", error_codes=[131026]))
    assert (row(tables)["delivery"], row(tables)["delivery_error"]) == ("read", None)


def test_a_price_is_kept_and_an_unknown_status_changes_nothing(tables: Database) -> None:
    log()
    record(status("sent", category="service", billable=False), status("odd"))
    found = row(tables)
    assert (found["delivery"], found["category"], found["billable"]) == ("sent", "service", False)


def test_a_status_may_be_told_by_the_reply_alone(tables: Database) -> None:
    log()
    event = status("read")
    del event["answer_to"]
    record(event)
    assert row(tables)["delivery"] == "read"
    record({**event, "id": "wamid.of nobody"})
    assert tables.value("SELECT kind FROM notices") == "status"


def test_both_parts_of_a_long_answer_tell_of_one_row(tables: Database) -> None:
    log(reply_messages=2)
    record(status("read"), status("delivered", id="wamid.second part"))
    assert (row(tables)["delivery"], row(tables)["reply_id"]) == ("read", "wamid.reply")


def test_a_status_proves_that_a_message_was_answered_unless_it_failed() -> None:
    found = [status("sent"), status("failed", answer_to="wamid.2"), {"kind": "status", "status": "read"}]
    assert delivery_events.proven_answers(found) == ["wamid.1"]


# --- everything else --------------------------------------------------------------------------------------------------


def silent(kind: str, name: str = "wamid.9", **more: Any) -> dict[str, Any]:
    return {
        "kind": "message",
        "id": name,
        "type": kind,
        "timestamp": 1795420800,
        "phone": PHONE,
        "bsuid": BSUID,
        **more,
    }


def test_reactions_are_feedback_once(tables: Database) -> None:
    up = silent("reaction", about="wamid.reply", emoji="👍")
    record(up, up, silent("reaction", "wamid.10", about="wamid.reply", emoji="👎"))
    record(silent("reaction", "wamid.11", about="wamid.reply"))
    rows = tables.run("SELECT about, sender, verdict FROM feedback ORDER BY id")
    assert [row["verdict"] for row in rows] == ["up", "down", None]
    assert rows[0]["sender"] == BSUID


def test_a_changed_number_moves_with_its_person(tables: Database) -> None:
    met(message())
    met(message(phone="+263770000000", bsuid="ZW.earlier owner"))
    details = {"type": "user_changed_number", "wa_id": "263770000000", "user_id": "ZW.2"}
    changed = record(silent("system", details=details))
    assert contacts(tables) == [("+263770000000", "ZW.2")]
    assert set(changed) == {BSUID, PHONE, "ZW.2", "+263770000000"}  # all of them are looked up anew
    with writer() as connection:
        assert senders.find(connection, None, BSUID).kind == Kind.NO_NUMBER


def test_a_change_to_nothing_we_could_recognise_forgets_the_contact(tables: Database) -> None:
    met(message())
    record(silent("system", details={"type": "user_changed_number"}))
    assert contacts(tables) == []


def test_a_changed_number_of_nobody_we_could_recognise_changes_nobody(tables: Database) -> None:
    met(message(phone=None, bsuid="ZW.hidden"))
    record(silent("system", phone=None, bsuid="ZW.other", details={"type": "user_changed_number", "user_id": "ZW.2"}))
    record(silent("system", phone=None, bsuid=None, details={"type": "user_changed_number", "user_id": "ZW.2"}))
    assert contacts(tables) == [(None, "ZW.hidden")]


def test_a_changed_number_of_someone_without_one_is_found_by_user_id(tables: Database) -> None:
    met(message(phone=None))
    details = {"type": "user_changed_number", "user_id": "ZW.2"}
    record(silent("system", phone=None, details=details))
    assert contacts(tables) == [(None, "ZW.2")]


def test_an_old_number_known_without_its_user_id_is_given_up_too(tables: Database) -> None:
    met(message(bsuid=None))
    with writer() as connection:
        message_log.opt(connection, PHONE, None, out=True)
    record(silent("system", details={"type": "user_changed_number", "wa_id": "263770000000", "user_id": "ZW.2"}))
    assert contacts(tables) == [("+263770000000", "ZW.2")]
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")


def test_a_changed_user_id_keeps_the_number(tables: Database) -> None:
    met(message())
    record(silent("system", details={"type": "user_changed_user_id", "user_id": "ZW.2"}))
    assert contacts(tables) == [(PHONE, "ZW.2")]
    update = {"user_id_update": [{"user_id": {"previous": "ZW.2", "current": "ZW.3"}}]}
    assert record({"kind": "notice", "field": "user_id_update", "value": update}) == ["ZW.2", "ZW.3"]
    assert contacts(tables) == [(PHONE, "ZW.3")]


def preference(value: str, **keys: str) -> dict[str, Any]:
    return {"kind": "notice", "field": "user_preferences", "value": {"user_preferences": [{"value": value, **keys}]}}


@pytest.mark.parametrize("keys", [{"wa_id": PHONE[1:]}, {"user_id": BSUID}, {"wa_id": PHONE[1:], "user_id": BSUID}])
def test_stop_and_resume_by_whatsapps_own_button(tables: Database, keys: dict[str, str]) -> None:
    met(message())
    record(preference("stop", **keys))
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")
    record(preference("resume", **keys))
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")
    assert len(contacts(tables)) == 1


def test_someone_unknown_can_opt_out(tables: Database) -> None:
    record(preference("stop", wa_id=PHONE[1:]), preference("another word", wa_id="2637700000"))
    assert contacts(tables) == [(PHONE, None)]
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")


@pytest.mark.parametrize("known", [{"bsuid": None}, {"phone": None}])
def test_an_opt_out_finds_whom_we_know_by_one_key_only(tables: Database, known: dict[str, None]) -> None:
    met(message(**known))
    record(preference("stop", wa_id=PHONE[1:], user_id=BSUID))
    assert [row["opted_out_at"] is not None for row in tables.run("SELECT opted_out_at FROM contacts")] == [True]


def test_an_opt_out_of_nobody_changes_nobody(tables: Database) -> None:
    met(message(phone=None))
    assert record(preference("stop")) == []
    assert tables.value("SELECT opted_out_at IS NULL FROM contacts")


def test_a_failure_because_they_stopped_us_is_an_opt_out(tables: Database) -> None:
    met(message())
    log()
    assert set(record(status("failed", error_codes=[131050], to=PHONE[1:]))) == {PHONE, BSUID}
    assert tables.value("SELECT opted_out_at IS NOT NULL FROM contacts")


def test_everything_else_is_kept_once_and_without_words(tables: Database) -> None:
    group = silent("text", group_id="group", text="my daughter is ill")
    notice = {"kind": "notice", "field": "message_template_status_update", "value": {"event": "APPROVED"}}
    error = {"kind": "error", "value": {"code": 130429}}
    for _ in range(2):
        record(group, notice, error, silent("edit"), silent("revoke"))
    kept = tables.run("SELECT kind, content FROM notices ORDER BY kind")
    assert [item["kind"] for item in kept] == ["edit", "error", "message_template_status_update", "revoke", "text"]
    assert "daughter" not in str(kept)
