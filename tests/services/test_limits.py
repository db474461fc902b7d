"""What people without a registered number may ask for in a day, through the function that understands messages."""

import pytest

from functions.adapters.school_config import school
from local.world.sample import SampleSchool
from tests.conftest import Database
from tests.functions.conftest import Cached
from tests.functions.examples import record
from tests.functions.outages import without_cache
from tests.functions.understanding import RUDO, VISITOR, message, understood

QUESTIONS = [
    "transport cost",
    "uniform price",
    "school hours",
    "exam boards",
    "lunch menu",
    "sports day",
    "late collection",
]


@pytest.fixture(autouse=True)
def records(sample_school: SampleSchool, database: Database, cached: Cached) -> None:
    database.catch_up()


# --- questions to the model -------------------------------------------------------------------------------------------


def ask(phone: str, count: int = 7) -> list[str]:
    """Reply types of so many different questions."""
    found = [understood(f"{QUESTIONS[place]}?", phone, f"wamid.{place}") for place in range(count)]
    assert not any(item["next"] == "ai_reply" for item in found if item["plan"]["reply_type"] == "question_limit")
    return [item["plan"]["reply_type"] for item in found]


def test_a_visitor_may_ask_five_questions_a_day() -> None:
    limit = school().visitor_daily_limit
    assert ask(VISITOR) == ["answer"] * limit + ["question_limit"] * (7 - limit)
    assert understood("1", VISITOR, "wamid.menu")["plan"]["reply_type"] == "info"  # everything else goes on


def test_a_parent_is_not_counted() -> None:
    assert ask(RUDO) == ["answer"] * 7


def test_an_answer_from_the_cache_does_not_count(cached: Cached) -> None:
    key = understood(f"{QUESTIONS[0]}?", VISITOR, "wamid.first")["question_key"]
    cached.store_answer(key, "yes")
    for place in range(10):
        same = understood(f"{QUESTIONS[0]}?", VISITOR, f"wamid.same{place}")
        assert (same["next"], same["plan"]["reply_type"]) == ("send_reply", "answer")
    assert ask(VISITOR, 5)[-1] == "answer"  # the first of them came from the cache, too


def test_without_the_cache_questions_are_counted_in_the_message_log(
    environment: pytest.MonkeyPatch, database: Database
) -> None:
    without_cache(environment)
    for place in range(5):
        database.run(
            "INSERT INTO message_log (message_id, sender, intent, received_at) VALUES (:i, :s, 'question', now())",
            i=f"wamid.q{place}",
            s=VISITOR,
        )
    database.catch_up()
    assert understood("transport cost?", VISITOR)["plan"]["reply_type"] == "question_limit"
    assert understood("transport cost?", "+263772900002", "wamid.2")["plan"]["reply_type"] == "answer"


# --- students looked up at the school ---------------------------------------------------------------------------------


@pytest.mark.parametrize("has_cache", [True, False])
def test_after_five_students_a_day_the_reply_is_that_of_an_unknown_student(
    environment: pytest.MonkeyPatch, database: Database, has_cache: bool
) -> None:
    if not has_cache:
        without_cache(environment)
    steps = []
    for number in range(7):
        message_id = f"wamid.{number}"
        found = understood(f"SSC2025{number:04d}", VISITOR, message_id)
        steps.append(found["next"])
        assert found["plan"]["next"] == found["next"]
        assert found["plan"]["reply_type"] == "not_on_record"
        record(
            message=message("", VISITOR, message_id),
            person=found["person"],
            plan=found["plan"],
            account=None,
            sent={"status": "sent"},
        )
        database.catch_up()
    assert steps == ["find_student"] * 5 + ["send_reply"] * 2


def test_students_named_in_one_message_are_counted_each() -> None:
    first = understood("SSC1 SSC2 SSC3 SSC4 SSC5 SSC6 SSC7", VISITOR)
    assert first["plan"]["look_up"] == ["SSC1", "SSC2", "SSC3", "SSC4", "SSC5"]
    assert understood("SSC8", VISITOR, "wamid.2")["next"] == "send_reply"


def test_a_school_api_at_its_limit_is_not_asked(cached: Cached) -> None:
    cached.use_school_calls(1000, 120)
    found = understood("balance SSC20257279", VISITOR)
    assert (found["next"], found["problem"]) == ("send_reply", "school_busy")
    assert found["plan"]["look_up"] == ["SSC20257279"]
