"""What one person may have in a day, through the function that understands messages."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions import dependencies
from functions.adapters.school_config import school
from functions.services.handle_message import ANSWER_LIFE
from local.world.sample import SampleSchool
from tests.conftest import Database, forget_everything
from tests.functions.conftest import Cached
from tests.functions.examples import SENT, record
from tests.functions.outages import without_cache, without_database
from tests.functions.understanding import RUDO, VISITOR, message, understood

HIDDEN: dict[str, Any] = {"phone": None, "bsuid": "ZW.24018735520917346650"}
Allow = Callable[..., None]


@pytest.fixture(autouse=True)
def records(sample_school: SampleSchool, database: Database, cached: Cached) -> None:
    database.catch_up()


@pytest.fixture
def allow(environment: pytest.MonkeyPatch) -> Allow:
    """From now on a person may have so much in a day: `allow(questions=2)`."""

    def allow(**limits: int) -> None:
        found = school()
        changed = replace(found, daily_limits=replace(found.daily_limits, **limits))
        environment.setattr(dependencies, "school", lambda: changed)
        forget_everything()

    return allow


def replies_to(*texts: str, phone: str | None = RUDO, **more: Any) -> list[str | None]:
    """The reply type of each of these messages; None for one that is not answered."""
    found = [understood(text, phone, f"wamid.{phone}.{place}", **more) for place, text in enumerate(texts)]
    return [None if item["next"] == "record_conversation" else item["plan"]["reply_type"] for item in found]


# --- questions to the model -------------------------------------------------------------------------------------------

QUESTIONS = ["uniform price?", "exam boards?", "sports day?", "late collection?", "debating club?"]
LIMITED = ["answer", "answer", "question_limit", None, None]


def test_a_parent_never_meets_the_shipped_limits() -> None:
    limits = school().daily_limits
    assert min(limits.questions, limits.visitor_questions, limits.documents) >= 20
    assert limits.replies >= 100


def test_what_is_over_the_limit_of_questions_gets_one_sentence_and_then_nothing(allow: Allow) -> None:
    allow(questions=2, visitor_questions=1)
    assert replies_to(*QUESTIONS) == LIMITED
    assert replies_to(*QUESTIONS[:3], phone=VISITOR) == ["answer", "question_limit", None]
    assert replies_to(*QUESTIONS[:3], **HIDDEN) == ["answer", "question_limit", None]
    assert understood("balance", message_id="wamid.9")["plan"]["reply_type"] == "balance"  # everything else goes on


def test_a_question_about_the_parents_own_figures_counts(allow: Allow) -> None:
    allow(questions=1)
    own = "Why do I still owe so many fees for Tariro, please explain?"
    assert replies_to(own, own, own) == ["answer", "question_limit", None]
    assert understood(own, message_id="wamid.9")["fetch"] is None


def test_a_question_counts_while_the_database_is_down(allow: Allow, environment: pytest.MonkeyPatch) -> None:
    without_database(environment)
    allow(questions=2)
    assert replies_to(*QUESTIONS) == LIMITED


def test_a_question_counts_while_neither_store_answers(allow: Allow, environment: pytest.MonkeyPatch) -> None:
    without_cache(environment)
    without_database(environment)
    allow(questions=2)
    assert replies_to(*QUESTIONS) == LIMITED


def test_without_the_cache_questions_are_counted_in_the_message_log(
    environment: pytest.MonkeyPatch, database: Database, allow: Allow
) -> None:
    without_cache(environment)
    allow(visitor_questions=5)
    for place in range(7):
        database.catch_up()
        found = understood("transport cost?", VISITOR, f"wamid.{place}")
        step = "ai_reply" if place < 5 else "send_reply" if place == 5 else "record_conversation"
        assert found["next"] == step
        sent = {} if step == "record_conversation" else SENT | {"reply_id": f"wamid.reply{place}"}
        record(
            message=message("", VISITOR, f"wamid.{place}"),
            person=found["person"],
            plan=found["plan"],
            account=None,
            sent=sent,
        )
    assert understood("transport cost?", "+263772900002", "wamid.9")["plan"]["reply_type"] == "answer"


def test_an_answer_from_the_cache_does_not_count_but_making_it_anew_does(
    cached: Cached, allow: Allow, advance_clock: Callable[[float], None]
) -> None:
    allow(visitor_questions=2)
    first = understood(QUESTIONS[0], VISITOR, "wamid.first")
    cached.store_answer(first["question_key"], "yes")
    for place in range(5):
        same = understood(QUESTIONS[0], VISITOR, f"wamid.same{place}")
        assert (same["next"], same["refresh_answer"]) == ("send_reply", False)
    advance_clock(ANSWER_LIFE + 2)
    old = [understood(QUESTIONS[0], VISITOR, f"wamid.old{place}", timestamp=0) for place in range(3)]
    assert [(item["next"], item["refresh_answer"]) for item in old] == [
        ("send_reply", True),
        ("send_reply", False),
        ("send_reply", False),
    ]
    assert understood(QUESTIONS[1], VISITOR, "wamid.other", timestamp=0)["plan"]["reply_type"] == "question_limit"


def test_the_message_that_got_the_sentence_gets_it_again_when_it_is_tried_again(allow: Allow, cached: Cached) -> None:
    allow(questions=0)
    assert understood(QUESTIONS[0], run="run-1")["plan"]["reply_type"] == "question_limit"
    cached.claims.release("wamid.1", "run-1")
    assert understood(QUESTIONS[0], run="run-2")["next"] == "send_reply"


# --- documents --------------------------------------------------------------------------------------------------------


def test_statements_and_gate_passes_are_counted_together(allow: Allow) -> None:
    allow(documents=2)
    asked = ["statement", "gate pass", "statement", "gate pass", "balance"]
    assert replies_to(*asked) == ["statement", "gate_pass", "document_limit", None, "balance"]
    assert understood("statement", message_id="wamid.9")["fetch"] is None


# --- replies ----------------------------------------------------------------------------------------------------------


def answered(message_id: str, messages: int = 1) -> None:
    """The parent has had a reply of so many messages."""
    record(
        message=message("hi", RUDO, message_id),
        account=None,
        sent=SENT | {"reply_id": f"reply to {message_id}", "messages": messages},
    )


@pytest.mark.parametrize("has_cache", [True, False])
def test_after_the_days_replies_there_is_one_sentence_and_then_nothing(
    allow: Allow, environment: pytest.MonkeyPatch, database: Database, has_cache: bool
) -> None:
    if not has_cache:
        without_cache(environment)
    allow(replies=3)
    database.run("UPDATE message_log SET answered_at = now()")
    answered("wamid.a", messages=2)
    database.run("UPDATE message_log SET answered_at = now()")
    database.catch_up()
    assert understood("hi", message_id="wamid.1")["plan"]["reply_type"] == "menu"
    answered("wamid.1")
    database.run("UPDATE message_log SET answered_at = now()")
    database.catch_up()
    assert understood("balance", message_id="wamid.2")["plan"]["reply_type"] == "reply_limit"
    answered("wamid.2")
    database.run("UPDATE message_log SET answered_at = now()")
    database.catch_up()
    quiet = understood("balance", message_id="wamid.3")
    assert (quiet["next"], quiet["fetch"], quiet["prefetch"]) == ("record_conversation", None, None)


def test_stop_is_recorded_past_the_limit_and_confirmed_once(allow: Allow) -> None:
    allow(replies=0)
    found = [understood("STOP", message_id=f"wamid.{place}") for place in range(2)]
    assert [(item["next"], item["plan"]["quiet"]) for item in found] == [
        ("record_consent", False),
        ("record_consent", True),
    ]


def test_what_sounds_urgent_is_heard_past_every_limit(allow: Allow) -> None:
    allow(replies=0, questions=0)
    found = understood("Tariro had an accident and is bleeding")
    assert (found["next"], found["plan"]["quiet"]) == ("open_office_request", False)


def test_staff_of_the_school_are_not_limited(environment: pytest.MonkeyPatch) -> None:
    found = school()
    changed = replace(
        found,
        office=replace(found.office, whatsapp=RUDO),
        daily_limits=replace(found.daily_limits, replies=0),
    )
    environment.setattr(dependencies, "school", lambda: changed)
    forget_everything()
    assert understood("hi")["plan"]["reply_type"] == "menu"
    assert understood("hi", message_id="wamid.2", **HIDDEN)["plan"]["reply_type"] == "reply_limit"


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
