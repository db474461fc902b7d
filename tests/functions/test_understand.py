"""Understanding one message: from the cache, from the replica, from neither."""

import gc
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pytest

from functions import understand
from functions.adapters import cache as cache_module
from functions.adapters.cache import ACCOUNT_LIFE, ANSWER_LIFE, PERSON_LIFE, Cache
from functions.adapters.database import connection as database_module
from functions.adapters.school_config import school
from functions.services import common_questions
from local.plan import Ports
from local.world.sample import SampleSchool
from tests.adapters.silent_server import silent_server
from tests.conftest import Database

RUDO, TARIRO = "+263772100001", "SSC20250001"  # one child
TAPIWA = "+263772100009"  # three children
VISITOR = "+263772900001"
TERM = "2026-3"
FIGURES = {"bills": [{"fee_type": "Tuition", "amount": "400.00", "date": "2026-09-07"}], "payments": []}


@pytest.fixture(autouse=True)
def _records(sample_school: SampleSchool, database: Database, cache: Cache) -> None:
    database.catch_up()


@pytest.fixture
def ahead(environment: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves our clock."""

    def move(seconds: float) -> None:
        moment = time.time() + seconds
        environment.setattr(cache_module.time, "time", lambda: moment)

    return move


def message(text: str | None = "hi", phone: str | None = RUDO, name: str = "wamid.1", **more: Any) -> dict[str, Any]:
    found = {"id": name, "type": "text", "timestamp": int(time.time()), "phone": phone, "text": text, **more}
    return {key: value for key, value in found.items() if value is not None}


def look(*arguments: Any, **more: Any) -> dict[str, Any]:
    return understand.handler({"message": message(*arguments, **more)}, None)


def keep_account(cache: Cache, *ids: str) -> None:
    cache.finish("wamid.before", "someone", None, {("account", name, TERM): FIGURES for name in ids})


def kill_cache(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CACHE_URL", f"redis://127.0.0.1:{Ports.free().redis}")
    cache_module._client.cache_clear()
    understand.settings.cache_clear()
    understand.cache.cache_clear()


def kill_database(environment: pytest.MonkeyPatch) -> None:
    dead = f"postgresql+pg8000://assistant@127.0.0.1:{Ports.free().postgres}/school"
    environment.setenv("DATABASE_READER_URL", dead)
    environment.setenv("DATABASE_WRITER_URL", dead)


# --- who ------------------------------------------------------------------------------------------------------------


def test_a_parent_is_known_by_number() -> None:
    found = look("hi", TAPIWA)
    assert found["status"] == "new"
    assert found["person"]["kind"] == "registered"
    assert [student["first_name"] for student in found["person"]["students"]] == ["Panashe", "Rutendo", "Simba"]
    assert (found["plan"]["intent"], found["plan"]["next"]) == ("menu", "reply")


def test_anyone_else_is_a_visitor() -> None:
    found = look("1", VISITOR)
    assert (found["person"]["kind"], found["plan"]["intent"], found["plan"]["entry"]) == ("visitor", "info", "about")
    assert look("balance", VISITOR, "wamid.2")["plan"]["reply_type"] == "not_registered"


def test_someone_without_a_number_is_asked_for_it_and_then_answered() -> None:
    hidden = {"phone": None, "bsuid": "ZW.24018735520917346650"}
    first = look("balance", name="wamid.1", **hidden)
    assert (first["person"]["kind"], first["plan"]["reply_type"]) == ("no number", "share_number")
    card = {"type": "contacts", "shared_phone": "+263772100024"}
    second = look(None, name="wamid.2", **hidden, **card)
    assert (second["person"]["kind"], second["person"]["phone"]) == ("registered", "+263772100024")
    third = look("balance", name="wamid.3", **hidden)  # the cache remembers
    assert third["plan"]["reply_type"] == "balance"


def test_what_the_person_was_asked_is_remembered(cache: Cache) -> None:
    cache.finish("wamid.0", RUDO, {"intent": "statement", "term": "2026-2"}, {})
    plan = look("Tariro")["plan"]
    assert (plan["intent"], plan["term"]) == ("statement", "2026-2")


def test_a_person_comes_from_the_cache_for_an_hour(database: Database, ahead: Callable[[float], None]) -> None:
    look(name="wamid.1")
    database.run("DELETE FROM phones WHERE phone = :phone", phone=RUDO)
    database.catch_up()
    assert look(name="wamid.2")["person"]["kind"] == "registered"
    ahead(PERSON_LIFE + 1)
    assert look(name="wamid.3")["person"]["kind"] == "visitor"


def test_a_user_id_that_shows_another_number_is_looked_up_anew() -> None:
    assert look(phone=RUDO, bsuid="ZW.1")["person"]["students"][0]["id"] == TARIRO
    assert look(phone=VISITOR, bsuid="ZW.1", name="wamid.2")["person"]["kind"] == "visitor"


def test_garbage_about_a_person_is_looked_up_anew(cache: Cache) -> None:
    for place, garbage in enumerate(["x", {}, {"kind": "king"}, {"kind": "registered", "students": [{}]}, None]):
        cache.keep_person(RUDO, garbage)
        assert look(name=f"wamid.{place}")["person"]["kind"] == "registered"


# --- once -----------------------------------------------------------------------------------------------------------


def test_a_message_is_taken_once(cache: Cache) -> None:
    assert [look()["status"] for _ in range(2)] == ["new", "busy"]
    cache.finish("wamid.1", RUDO, None, {})
    assert look()["status"] == "answered"


def test_of_two_deliveries_at_one_instant_one_is_answered() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: look()["status"], range(4))) == ["busy", "busy", "busy", "new"]


def test_what_whatsapp_would_refuse_anyway_is_not_begun() -> None:
    assert look(timestamp=int(time.time()) - 24 * 3600)["status"] == "too late"
    assert look(timestamp=0, name="wamid.2")["status"] == "new"  # pasted by hand, without a time


# --- 24 hours are over, and people who want no word from us ---------------------------------------------------------

DAY = 24 * 3600
GIVEN_UP = {"type": "undelivered", "about": "wamid.0"}


@pytest.fixture
def templates(environment: pytest.MonkeyPatch) -> None:
    """Approved messages for what may be said after 24 hours."""
    found = school()
    approved = replace(found, templates=replace(found.templates, reopen="reopen", receipt="receipt"))
    environment.setattr(understand, "school", lambda: approved)


def late(text: str | None = "balance", phone: str = RUDO, name: str = "wamid.1", **more: Any) -> dict[str, Any]:
    return look(text, phone, name, timestamp=int(time.time()) - DAY, **more)


def with_the_office(database: Database, sender: str = RUDO) -> None:
    database.run(
        "INSERT INTO office_requests (message_id, sender, words, told_at) VALUES ('m', :s, '', now())", s=sender
    )
    database.catch_up()


def opted_out(database: Database, phone: str = RUDO) -> None:
    database.run("INSERT INTO contacts (phone, bsuid, opted_out_at) VALUES (:p, 'ZW.1', now())", p=phone)
    database.catch_up()


@pytest.mark.usefixtures("templates")
def test_what_came_too_late_is_answered_by_one_template(environment: pytest.MonkeyPatch) -> None:
    counted: list[str] = []
    environment.setattr(understand.observe, "count", lambda name, value=1: counted.append(name))
    found = late()
    assert (found["status"], found["plan"]["reply_type"]) == ("new", "reopen")
    assert "TooLate" in counted
    assert late("hello?", name="wamid.2")["status"] == "too late"  # a week's messages come in one minute
    assert late(phone=TAPIWA, name="wamid.3")["status"] == "new"


@pytest.mark.usefixtures("templates")
@pytest.mark.parametrize("refuse", [opted_out, with_the_office])
def test_who_wants_no_word_from_us_gets_no_template(database: Database, refuse: Callable[[Database], None]) -> None:
    refuse(database)
    assert late()["status"] == "too late"
    assert look(None, RUDO, "undelivered:r", **GIVEN_UP)["status"] == "too late"
    assert look(None, TAPIWA, "undelivered:s", **GIVEN_UP)["plan"]["reply_type"] == "reopen"


@pytest.mark.usefixtures("templates")
def test_a_person_with_the_office_is_known_by_either_key(database: Database) -> None:
    database.run("INSERT INTO contacts (phone, bsuid) VALUES (:p, 'ZW.1')", p=RUDO)
    with_the_office(database, "ZW.1")
    assert look(None, RUDO, "undelivered:r", **GIVEN_UP)["status"] == "too late"


@pytest.mark.usefixtures("templates")
def test_while_our_records_cannot_tell_nobody_is_written_to(environment: pytest.MonkeyPatch) -> None:
    kill_database(environment)
    assert look(None, RUDO, "undelivered:r", **GIVEN_UP)["status"] == "too late"


def test_a_stop_counts_however_late() -> None:
    assert late("Please stop")["plan"]["reply_type"] == "opted_out"


@pytest.mark.usefixtures("templates")
def test_a_receipt_that_was_given_up_becomes_the_receipts_template(cache: Cache) -> None:
    about = {"type": "undelivered", "about": "payment:1:0"}
    assert look(None, RUDO, "undelivered:r", **about)["status"] == "too late"  # nothing is known of it
    child = {"id": TARIRO, "first_name": "Tariro", "last_name": "Moyo", "grade": ""}
    plan = {"intent": "payment", "reply_type": "receipt", "next": "receipts", "students": [child], "term": TERM}
    payment = {"student_id": TARIRO, "term": TERM, "amount": "5.00"}
    kept = {"person": {"kind": "registered", "phone": RUDO}, "plan": plan, "payment": payment}
    cache.finish("payment:1:0", RUDO, None, {("receipt", "payment:1:0"): kept})
    keep_account(cache, TARIRO)
    found = look(None, RUDO, "undelivered:r2", **about)
    (recipient,) = found["recipients"]
    assert (found["plan"]["next"], found["account"]["term"], recipient["template"]) == ("receipts", TERM, True)
    assert (recipient["message"]["phone"], recipient["message"]["details"]) == (RUDO, payment)


def test_without_a_template_nothing_is_sent_after_24_hours() -> None:
    for name, about in (("undelivered:a", "wamid.0"), ("undelivered:b", "payment:1:0")):
        assert look(None, RUDO, name, type="undelivered", about=about)["status"] == "too late"


# --- the office has the conversation ----------------------------------------------------------------------------------


def test_with_the_office_only_stop_start_and_verdicts_are_heard(cache: Cache, database: Database) -> None:
    cache.keep_quiet(RUDO, quiet=True)
    assert look("balance", name="wamid.1")["status"] == "quiet"
    assert look("balance", name="wamid.1b")["plan"] is None
    stop = look("STOP", name="wamid.2")
    assert (stop["status"], stop["plan"]["reply_type"]) == ("new", "opted_out")
    verdict = look("👎", name="wamid.3", type="interactive", tap="v1:feedback:::down")
    assert (verdict["status"], verdict["plan"]["intent"]) == ("quiet", "feedback")  # recorded, not answered
    assert look("START", name="wamid.4")["status"] == "quiet"  # the menu, for who has not opted out
    opted_out(database)
    cache.forget_person(RUDO)
    start = look("START", name="wamid.5")
    assert (start["status"], start["plan"]["reply_type"]) == ("new", "opted_in")


def test_without_the_cache_the_table_knows_who_is_with_the_office(
    environment: pytest.MonkeyPatch, database: Database
) -> None:
    with_the_office(database)
    kill_cache(environment)
    assert look("balance")["status"] == "quiet"
    assert look("balance", TAPIWA, "wamid.2")["status"] == "new"
    database.run("UPDATE office_requests SET opened_at = now() - interval '13 hours'")
    assert look("balance", name="wamid.3")["status"] == "new"


# --- the account ------------------------------------------------------------------------------------------------------


def test_an_unknown_account_is_to_be_fetched() -> None:
    found = look("balance", TAPIWA)
    assert found["account"] is None
    assert found["fetch"]["term"] == TERM
    assert len(found["fetch"]["student_ids"]) == 3
    assert (found["wait"], found["last_account"]) == (0, None)


def test_a_fresh_account_needs_no_fetch(cache: Cache) -> None:
    keep_account(cache, TARIRO)
    found = look("balance")
    assert found["fetch"] is None
    assert found["account"]["bills"] == {TARIRO: FIGURES["bills"]}
    assert found["account"]["stale"] is False


def test_one_missing_child_makes_the_family_be_fetched(cache: Cache) -> None:
    ids = [student["id"] for student in look("hi", TAPIWA)["person"]["students"]]
    keep_account(cache, *ids[:2])
    assert look("balance", TAPIWA, "wamid.2")["fetch"]["student_ids"] == ids


def test_a_stale_account_is_fetched_and_kept_in_reserve(cache: Cache, ahead: Callable[[float], None]) -> None:
    keep_account(cache, TARIRO)
    ahead(ACCOUNT_LIFE + 2)
    found = look("balance", timestamp=0)
    assert found["fetch"] == {"student_ids": [TARIRO], "term": TERM}
    assert found["last_account"]["stale"] is True
    assert found["last_account"]["as_of"].endswith("+00:00")


def test_no_gate_pass_on_stale_figures(cache: Cache, ahead: Callable[[float], None]) -> None:
    keep_account(cache, TARIRO)
    ahead(ACCOUNT_LIFE + 2)
    found = look("gate pass", timestamp=0)
    assert found["fetch"]
    assert found["last_account"] is None


@pytest.mark.parametrize("garbage", ["x", {}, {"bills": []}, None, []])
def test_garbage_about_an_account_is_fetched_anew(cache: Cache, garbage: object) -> None:
    cache.finish("wamid.0", "someone", None, {("account", TARIRO, TERM): garbage})
    assert look("balance")["fetch"] == {"student_ids": [TARIRO], "term": TERM}


def test_after_a_greeting_the_account_is_fetched_ahead_where_nobody_has_to_wait(
    cache: Cache, environment: pytest.MonkeyPatch
) -> None:
    found = look("hi")
    assert found["plan"]["prefetch"] is True
    assert found["fetch"] == {"student_ids": [TARIRO], "term": TERM}
    environment.setenv("SCHOOL_API_CALLS_PER_MINUTE", "6")
    understand.settings.cache_clear()
    cache.take_turn(5, 6, 100)
    assert look("hi", name="wamid.2")["fetch"] is None


@pytest.mark.usefixtures("redis_at")
def test_in_a_rush_a_parent_waits_a_bounded_time_and_then_hears_so(
    cache: Cache, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("SCHOOL_API_CALLS_PER_MINUTE", "72")
    cache.take_turn(20, 72, 100)
    assert look("balance")["wait"] == 10
    cache.take_turn(20, 72, 100)
    busy = look("balance", name="wamid.2")
    assert (busy["fetch"], busy["account"], busy["problem"]) == (None, None, "school_busy")


def test_in_a_rush_a_question_is_answered_without_figures(cache: Cache) -> None:
    cache.take_turn(1000, understand.settings().school_api_calls_per_minute, 1e9)
    found = look("Have you received my payment for Tariro?")
    assert (found["plan"]["next"], found["fetch"], found["account"], found["problem"]) == ("ai", None, None, None)


def test_in_a_rush_old_figures_are_better_than_none(
    cache: Cache, environment: pytest.MonkeyPatch, ahead: Callable[[float], None]
) -> None:
    keep_account(cache, TARIRO)
    ahead(ACCOUNT_LIFE + 2)
    cache.take_turn(120, 120, 1000)
    found = look("balance", timestamp=0)
    assert (found["fetch"], found["problem"], found["account"]["stale"]) == (None, None, True)


# --- questions --------------------------------------------------------------------------------------------------------

ASKED = [
    "transport cost",
    "uniform price",
    "school hours",
    "exam boards",
    "lunch menu",
    "sports day",
    "late collection",
]


def test_a_common_answer_is_used_all_day_and_made_anew_after_ten_minutes(
    cache: Cache, ahead: Callable[[float], None], environment: pytest.MonkeyPatch
) -> None:
    first = look("When does the school day begin?", VISITOR)
    assert (first["plan"]["next"], first["answer"]) == ("ai", None)
    cache.finish("wamid.1", VISITOR, None, {("answer", first["question_key"]): "At 8"})
    again = look("the school DAY: when does it begin", RUDO, "wamid.2")
    assert (again["answer"], again["answer_anew"]) == ("At 8", False)
    ahead(ANSWER_LIFE + 2)
    later = look("When does the school day begin?", RUDO, "wamid.3", timestamp=0)
    assert (later["answer"], later["answer_anew"]) == ("At 8", True)
    environment.setattr(common_questions, "_told", lambda day: "another day, or other knowledge")
    other = look("When does the school day begin?", RUDO, "wamid.4", timestamp=0)
    assert (other["answer"], other["answer_anew"]) == (None, False)


def test_an_answer_with_someones_figures_is_no_common_answer() -> None:
    found = look("Why do I still owe so many fees for Tariro, please explain?")
    assert found["plan"]["personal"] is True
    assert (found["question_key"], found["answer"]) == (None, None)
    assert found["fetch"]["student_ids"] == [TARIRO]


def questions(phone: str, count: int = 7) -> list[str]:
    return [look(f"{ASKED[place]}?", phone, f"wamid.{place}")["plan"]["reply_type"] for place in range(count)]


def test_a_visitor_may_ask_five_questions_a_day() -> None:
    limit = school().visitor_daily_limit
    assert questions(VISITOR) == ["answer"] * limit + ["question_limit"] * (7 - limit)
    assert look("1", VISITOR, "wamid.menu")["plan"]["reply_type"] == "info"  # everything else goes on


def test_a_parent_may_ask_more() -> None:
    assert questions(RUDO) == ["answer"] * 7


def test_an_answer_from_the_cache_does_not_count(cache: Cache) -> None:
    key = look(f"{ASKED[0]}?", VISITOR, "wamid.first")["question_key"]
    cache.finish("wamid.before", "someone", None, {("answer", key): "yes"})
    for place in range(10):
        assert look(f"{ASKED[0]}?", VISITOR, f"wamid.same{place}")["plan"]["reply_type"] == "answer"
    assert questions(VISITOR, 5)[-1] == "answer"  # the first of them came from the cache, too


# --- parts missing ----------------------------------------------------------------------------------------------------


def test_without_the_cache_the_database_answers(environment: pytest.MonkeyPatch, database: Database) -> None:
    kill_cache(environment)
    found = look("balance")
    assert (found["status"], found["person"]["kind"]) == ("new", "registered")
    assert found["fetch"] == {"student_ids": [TARIRO], "term": TERM}
    database.run("INSERT INTO message_log (message_id, reply_id) VALUES ('wamid.1', 'reply')")
    assert look("balance")["status"] == "answered"


def test_without_the_cache_the_limit_is_counted_in_the_log(environment: pytest.MonkeyPatch, database: Database) -> None:
    kill_cache(environment)
    for place in range(5):
        database.run(
            "INSERT INTO message_log (message_id, sender, intent, received_at) VALUES (:i, :s, 'question', now())",
            i=f"wamid.q{place}",
            s=VISITOR,
        )
    database.catch_up()
    assert look("transport cost?", VISITOR)["plan"]["reply_type"] == "question_limit"
    assert look("transport cost?", "+263772900002", "wamid.2")["plan"]["reply_type"] == "answer"


def test_without_the_database_people_of_the_last_day_are_known(
    environment: pytest.MonkeyPatch, ahead: Callable[[float], None]
) -> None:
    look(name="wamid.0")
    kill_database(environment)
    assert look("balance")["plan"]["reply_type"] == "balance"
    ahead(PERSON_LIFE + 60)
    assert look("balance", name="wamid.2", timestamp=0)["plan"]["reply_type"] == "balance"


def test_without_the_database_what_needs_no_records_is_still_answered(environment: pytest.MonkeyPatch) -> None:
    kill_database(environment)
    assert look("1")["plan"]["reply_type"] == "records_unreachable"  # not a question to the model
    assert look("hi", name="wamid.2")["plan"]["reply_type"] == "menu"
    assert look("5", name="wamid.3")["plan"]["intent"] == "office"
    assert look("What are the school hours?", name="wamid.4")["plan"]["next"] == "ai"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pg8000 leaves sockets to gc
def test_with_silent_databases_each_is_waited_for_once(environment: pytest.MonkeyPatch) -> None:
    kill_cache(environment)  # so that the database is asked whether the message was answered, and who this is
    for name in ("CONNECT_TIMEOUT", "REPLICA_TIMEOUT"):
        environment.setattr(database_module, name, 0.2)
    for name in ("REPLICA_PAUSE", "PRIMARY_PAUSE"):
        environment.setattr(database_module, name, 3600)
    with silent_server() as replica, silent_server() as primary:
        environment.setenv("DATABASE_READER_URL", replica.url)
        environment.setenv("DATABASE_WRITER_URL", primary.url)
        assert look("1")["plan"]["reply_type"] == "records_unreachable"
        assert look("hi", name="wamid.2")["plan"]["reply_type"] == "menu"
        assert (replica.connects, primary.connects) == (1, 1)
    gc.collect()


def test_without_both_the_intent_is_still_known(environment: pytest.MonkeyPatch) -> None:
    kill_cache(environment)
    kill_database(environment)
    found = look("3")
    assert (found["status"], found["person"]["kind"]) == ("new", "unsure")
    assert (found["plan"]["intent"], found["plan"]["reply_type"]) == ("gate_pass", "records_unreachable")


def test_one_who_has_just_written_reads_what_was_written(cache: Cache, database: Database) -> None:
    """A WAL position that the replica has not reached sends the read to the primary."""
    hidden: Mapping[str, Any] = {"phone": None, "bsuid": "ZW.9"}
    cache.note_written("ZW.9", "FFFFFFFF/0")
    database.run("INSERT INTO contacts (phone, bsuid) VALUES (:phone, 'ZW.9')", phone=RUDO)
    assert look("balance", **hidden)["person"]["kind"] == "registered"


def test_what_is_no_message_is_refused_by_name() -> None:
    with pytest.raises(Exception, match=r"message\.phone"):
        understand.handler({"message": {"id": "wamid.1", "type": "text"}}, None)
