"""A number that we do not know names a student: what is decided, and how often."""

import time
from typing import Any

import pytest

from functions import remember, save_students, understand
from functions.adapters import cache as cache_module
from functions.adapters.cache import Cache
from functions.domain.student_records import StudentRecord
from local.plan import Ports
from tests.conftest import Database

SENDER, BSUID, TARIRO = "+263771234567", "ZW.77", "SSC20257279"


@pytest.fixture(autouse=True)
def _stores(database: Database, cache: Cache) -> None:
    """Real ones, empty."""
    database.catch_up()


def message(text: str, name: str) -> dict[str, Any]:
    values = {"id": name, "type": "text", "timestamp": int(time.time()), "phone": SENDER, "bsuid": BSUID}
    return values | {"text": text}


def look(text: str = f"balance {TARIRO}", name: str = "wamid.1", **more: Any) -> dict[str, Any]:
    return understand.handler({"message": message(text, name), **more}, None)


def bring(guardian: str) -> Any:
    """What the school has on record, saved as the state machine does."""
    record = StudentRecord(TARIRO, "Tariro", "Moyo", "Form 1", guardian, "")
    return save_students.handler({"records": [record.as_json()], "sender": BSUID}, None)["written"]


def without_cache(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CACHE_URL", f"redis://127.0.0.1:{Ports.free().redis}")
    cache_module._client.cache_clear()
    for module in (understand, save_students, remember):
        module.settings.cache_clear()
        module.cache.cache_clear()


def test_the_school_is_asked_and_then_the_parent_is_known() -> None:
    first = look()
    assert (first["plan"]["next"], first["plan"]["look_up"]) == ("look_up", [TARIRO])
    assert first["person"]["kind"] == "visitor"
    written = bring("0771 234 567")
    second = look(again=True, written=written)
    assert (second["status"], second["person"]["kind"]) == ("new", "registered")
    assert (second["plan"]["reply_type"], second["plan"]["welcome"]) == ("balance", True)
    assert second["fetch"]["student_ids"] == [TARIRO]
    third = look("balance", "wamid.2")
    assert (third["person"]["kind"], third["plan"]["welcome"]) == ("registered", False)


def test_a_number_that_does_not_match_learns_nothing() -> None:
    look()
    second = look(again=True, written=bring("0712 345 678"))
    assert (second["plan"]["reply_type"], second["plan"]["next"]) == ("not_on_record", "reply")
    assert TARIRO not in str(second)
    assert "Tariro" not in str(second)


def test_what_was_asked_before_is_answered_once_the_student_is_named() -> None:
    first = look("gate pass")
    assert first["plan"]["reply_type"] == "not_registered"
    pending = first["plan"]["pending"]
    remember.handler({"message": message("gate pass", "wamid.1"), "plan": first["plan"], "sent": {}}, None)
    assert pending["intent"] == "gate_pass"
    look(TARIRO, "wamid.2")
    second = look(TARIRO, "wamid.2", again=True, written=bring(SENDER))
    assert (second["plan"]["intent"], second["plan"]["next"]) == ("gate_pass", "gate_pass")


def test_without_a_cache_the_second_look_still_sees_what_was_written(environment: pytest.MonkeyPatch) -> None:
    without_cache(environment)
    look()
    assert look(again=True, written=bring(SENDER))["person"]["kind"] == "registered"


@pytest.mark.parametrize("cached", [True, False])
def test_five_students_a_day_and_then_the_same_words(
    environment: pytest.MonkeyPatch, database: Database, cached: bool
) -> None:
    if not cached:
        without_cache(environment)
    asked = []
    for number in range(7):
        name = f"wamid.{number}"
        found = look(f"SSC2025{number:04d}", name)
        asked.append(found["plan"]["next"])
        assert found["plan"]["reply_type"] == "not_on_record"
        over = {"sent": {"status": "sent"}, "plan": found["plan"], "person": found["person"]}
        remember.handler({"message": message("", name), **over}, None)
        database.catch_up()
    assert asked == ["look_up"] * 5 + ["reply"] * 2


def test_naming_many_at_once_counts_as_many() -> None:
    assert look("SSC1 SSC2 SSC3 SSC4 SSC5 SSC6 SSC7")["plan"]["look_up"] == ["SSC1", "SSC2", "SSC3", "SSC4", "SSC5"]
    assert look("SSC8", "wamid.2")["plan"]["next"] == "reply"


def test_a_busy_school_is_not_asked(cache: Cache) -> None:
    cache.take_turn(1000, understand.settings().school_api_calls_per_minute, 1e9)
    found = look()
    assert (found["problem"], found["plan"]["look_up"]) == ("school_busy", [TARIRO])


@pytest.mark.parametrize("text", ["hi", "office", "What time does school start?", "menu", "stop", "balance"])
def test_who_names_nobody_is_not_looked_up(text: str) -> None:
    assert look(text)["plan"]["look_up"] == []


def test_a_message_to_the_office_goes_there_with_the_student_number_in_it() -> None:
    assert look(f"I want to talk to the office about {TARIRO}")["plan"]["intent"] == "office"
