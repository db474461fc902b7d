"""A number that we do not know names a student: the school is asked, and the message understood again."""

from typing import Any

import pytest

from functions import record_conversation, save_found_student, understand
from functions.domain.errors import InvalidRequest
from functions.domain.student_records import StudentRecord
from tests.conftest import Database
from tests.functions.conftest import Cached
from tests.functions.outages import without_cache
from tests.functions.student_records import (
    OTHER,
    RUDO,
    TARIRO,
    finish,
    kind_of,
    many,
    numbers,
    record,
    save_found,
    save_page,
)
from tests.functions.understanding import message

SENDER, BSUID = "+263771234567", "ZW.77"


@pytest.fixture(autouse=True)
def stores(database: Database, cached: Cached) -> None:
    """Both empty."""
    database.catch_up()


def understood(text: str = f"balance {TARIRO}", message_id: str = "wamid.1", **more: Any) -> dict[str, Any]:
    return understand.handler({"message": message(text, SENDER, message_id, bsuid=BSUID), **more}, None)


def found_at_school(guardian: str) -> Any:
    """The student with this guardian, saved as the state machine does it; the WAL position of the records."""
    student = StudentRecord(TARIRO, "Tariro", "Moyo", "Form 1", guardian, "")
    return save_found(student.as_json(), sender=BSUID)["min_wal"]


# --- the conversation -------------------------------------------------------------------------------------------------


def test_the_parent_of_a_student_who_was_found_is_answered_and_stays_known() -> None:
    first = understood()
    assert (first["next"], first["plan"]["look_up"]) == ("find_student", [TARIRO])
    assert first["person"]["kind"] == "visitor"
    second = understood(looked_up=True, min_wal=found_at_school("0771 234 567"))
    assert (second["next"], second["person"]["kind"]) == ("send_reply", "registered")
    assert (second["plan"]["reply_type"], second["plan"]["welcome"]) == ("balance", True)
    assert second["fetch"]["student_ids"] == [TARIRO]
    third = understood("balance", "wamid.2")
    assert (third["person"]["kind"], third["plan"]["welcome"]) == ("registered", False)


def test_a_number_that_does_not_match_learns_nothing_about_the_student() -> None:
    understood()
    second = understood(looked_up=True, min_wal=found_at_school("0712 345 678"))
    assert (second["plan"]["reply_type"], second["next"]) == ("not_on_record", "send_reply")
    assert TARIRO not in str(second)
    assert "Tariro" not in str(second)


def test_what_was_asked_before_is_answered_once_the_student_is_named() -> None:
    first = understood("gate pass")
    assert first["plan"]["reply_type"] == "not_registered"
    assert first["plan"]["pending"]["intent"] == "gate_pass"
    asked = message("gate pass", SENDER, bsuid=BSUID)
    record_conversation.handler({"message": asked, "plan": first["plan"], "sent": {}}, None)
    understood(TARIRO, "wamid.2")
    second = understood(TARIRO, "wamid.2", looked_up=True, min_wal=found_at_school(SENDER))
    assert (second["plan"]["intent"], second["next"]) == ("gate_pass", "gate_pass")


def test_without_a_cache_the_second_look_up_sees_what_was_saved(environment: pytest.MonkeyPatch) -> None:
    without_cache(environment)
    understood()
    assert understood(looked_up=True, min_wal=found_at_school(SENDER))["person"]["kind"] == "registered"


# --- records that a look-up has found; anybody may cause one ----------------------------------------------------------


@pytest.mark.parametrize(
    "profile",
    [
        record(guardian="0771234567"),  # the child is listed once for each guardian, the profile knows one of them
        record(name="", guardian="", grade=""),
        record("Somebody Else", "0773000000"),
    ],
)
def test_a_stranger_who_names_a_child_takes_no_number_away(database: Database, cached: Cached, profile: Any) -> None:
    save_page(record(guardian="0771234567"), record(guardian="0712345678"))
    save_found(profile)
    assert numbers(database) >= {(RUDO, "guardian"), (OTHER, "guardian")}
    assert [kind_of(f"wamid.{phone}", phone) for phone in (RUDO, OTHER)] == ["registered"] * 2
    (student,) = database.run("SELECT first_name, last_name, grade FROM students")
    assert tuple(student.values()) == ("Tariro", "Moyo", "Grade 3")


def test_a_look_up_adds_the_number_that_the_office_has_just_entered(database: Database) -> None:
    save_page(record())
    assert save_found(record(guardian="0712345678"))["changed"] == 1
    assert numbers(database) == {(RUDO, "guardian"), (OTHER, "guardian")}
    save_page(record(guardian="0712345678"))  # the next night the old one is gone
    assert numbers(database) == {(OTHER, "guardian")}


def test_a_look_up_does_not_reactivate_a_student_who_has_left(database: Database, cached: Cached) -> None:
    save_page(record())
    database.run("UPDATE students SET active = false")
    save_found(record(guardian="0771 234 567 / 0712345678"))
    assert database.value("SELECT active FROM students") is False
    assert numbers(database) == {(RUDO, "guardian")}
    assert kind_of("wamid.1", RUDO) == "visitor"


def test_a_look_up_during_a_run_does_not_count_as_a_page_of_it(database: Database) -> None:
    save_page(*many(9), record())
    run = save_page(*many(9))["run"]
    save_found(record())
    assert finish(run)["deactivated"] == 1


def test_after_a_look_up_the_sender_is_looked_up_anew_whatever_it_found(cached: Cached) -> None:
    cached.senders.store_person("ZW.9", {"kind": "visitor"})
    found = save_found(sender="ZW.9")
    assert found["saved"] == 0
    seen = cached.load("ZW.9")
    assert seen.person is None
    assert seen.min_wal == found["min_wal"]


@pytest.mark.parametrize("event", [{}, {"records": None, "sender": "ZW.1"}, {"records": {}, "sender": "ZW.1"}])
def test_a_request_without_records_is_refused_by_name(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="records"):
        save_found_student.handler(event, None)
