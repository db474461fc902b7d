"""What becomes of one message: from the cache, from the replica, from neither."""

import gc
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import pg8000
import pytest

from functions import dependencies, record_delivery, release_claim, understand
from functions.adapters.cache.account_cache import SOFT_LIFE
from functions.adapters.cache.message_claims import Claim
from functions.adapters.cache.sender_cache import PERSON_LIFE
from functions.adapters.database import connection
from functions.adapters.school_config import school
from functions.domain.errors import DataUnavailable, InvalidRequest
from functions.services import common_questions, limits
from functions.services.handle_message import ANSWER_LIFE
from local.plan import Plan
from local.world.sample import SampleSchool
from tests.adapters.silent_server import silent_server
from tests.conftest import Counts, Database, forget_everything
from tests.functions.conftest import Approve, Cached
from tests.functions.examples import SENT, ask_office, record, sqs_batch, status
from tests.functions.outages import without_cache, without_database, without_primary
from tests.functions.student_records import record as student_record
from tests.functions.student_records import save_page
from tests.functions.understanding import FIGURES, RUDO, TAPIWA, TARIRO, TERM, VISITOR, message, understood

AdvanceClock = Callable[[float], None]
FETCH = {"student_ids": [TARIRO], "term": TERM, "wait": 0}


@pytest.fixture(autouse=True)
def records(sample_school: SampleSchool, database: Database, cached: Cached) -> None:
    database.catch_up()


# --- who is writing ---------------------------------------------------------------------------------------------------


def test_a_parent_is_known_by_number() -> None:
    found = understood("hi", TAPIWA)
    assert (found["next"], found["plan"]["intent"]) == ("send_reply", "menu")
    assert found["person"]["kind"] == "registered"
    assert [student["first_name"] for student in found["person"]["students"]] == ["Panashe", "Rutendo", "Simba"]


def test_anyone_else_is_a_visitor() -> None:
    found = understood("1", VISITOR)
    assert (found["person"]["kind"], found["plan"]["intent"], found["plan"]["entry"]) == ("visitor", "info", "about")
    assert understood("balance", VISITOR, "wamid.2")["plan"]["reply_type"] == "not_registered"


def test_a_person_without_a_number_is_asked_for_it_and_then_answered() -> None:
    hidden = {"phone": None, "bsuid": "ZW.24018735520917346650"}
    first = understood("balance", message_id="wamid.1", **hidden)
    assert (first["person"]["kind"], first["plan"]["reply_type"]) == ("no number", "share_number")
    card = {"type": "contacts", "shared_phone": "+263772100024"}
    second = understood(None, message_id="wamid.2", **hidden, **card)
    assert (second["person"]["kind"], second["person"]["phone"]) == ("registered", "+263772100024")
    third = understood("balance", message_id="wamid.3", **hidden)  # the cache remembers
    assert third["plan"]["reply_type"] == "balance"


def test_a_person_comes_from_the_cache_for_an_hour(database: Database, advance_clock: AdvanceClock) -> None:
    understood(message_id="wamid.1")
    database.run("DELETE FROM phones WHERE phone = :phone", phone=RUDO)
    database.catch_up()
    assert understood(message_id="wamid.2")["person"]["kind"] == "registered"
    advance_clock(PERSON_LIFE + 1)
    assert understood(message_id="wamid.3")["person"]["kind"] == "visitor"


def test_a_user_id_that_shows_another_number_is_looked_up_anew() -> None:
    assert understood(phone=RUDO, bsuid="ZW.1")["person"]["students"][0]["id"] == TARIRO
    assert understood(phone=VISITOR, bsuid="ZW.1", message_id="wamid.2")["person"]["kind"] == "visitor"


def test_a_cached_person_that_cannot_be_read_is_looked_up_anew(cached: Cached) -> None:
    for place, garbage in enumerate(["x", {}, {"kind": "king"}, {"kind": "registered", "students": [{}]}, None]):
        cached.senders.store_person(RUDO, garbage)
        assert understood(message_id=f"wamid.{place}")["person"]["kind"] == "registered"


def test_a_person_who_has_just_written_reads_what_was_written(cached: Cached, database: Database) -> None:
    """A WAL position that the replica has not reached sends the read to the primary."""
    cached.senders.require_wal("ZW.9", "FFFFFFFF/0")
    database.run("INSERT INTO contacts (phone, bsuid) VALUES (:phone, 'ZW.9')", phone=RUDO)
    assert understood("balance", phone=None, bsuid="ZW.9")["person"]["kind"] == "registered"


@pytest.mark.parametrize("has_cache", [True, False])
def test_where_the_cache_cannot_tell_how_far_the_replica_is_the_primary_knows_who_writes(
    cached: Cached, database: Database, plan: Plan, environment: pytest.MonkeyPatch, has_cache: bool
) -> None:
    replica = pg8000.connect("postgres", host="127.0.0.1", port=plan.ports.replica, database="school")
    replica.autocommit = True
    replica.cursor().execute("SELECT pg_wal_replay_pause()")
    try:
        database.run("DELETE FROM phones WHERE phone = :phone", phone=RUDO)
        cached.lose_everything()
        if not has_cache:
            without_cache(environment)
        assert understood("balance")["person"]["kind"] == "visitor"
    finally:
        replica.cursor().execute("SELECT pg_wal_replay_resume()")
        replica.close()


def test_without_the_primary_the_replica_knows_who_writes(cached: Cached, environment: pytest.MonkeyPatch) -> None:
    cached.lose_everything()
    without_primary(environment)
    assert understood("balance")["person"]["kind"] == "registered"


def test_a_reply_to_our_own_question_is_understood_by_it(cached: Cached) -> None:
    cached.claims.finish("wamid.0", sender=RUDO, pending={"intent": "statement", "term": "2026-2"})
    plan = understood("Tariro")["plan"]
    assert (plan["intent"], plan["term"]) == ("statement", "2026-2")


@pytest.mark.parametrize("text", ["hi", "office", "What time do lessons start?", "menu", "stop", "balance"])
def test_a_visitor_who_names_no_student_is_not_looked_up(text: str) -> None:
    found = understood(text, VISITOR)
    assert found["plan"]["look_up"] == []
    assert found["next"] != "find_student"


def test_a_message_to_the_office_that_names_a_student_is_for_the_office() -> None:
    found = understood(f"I want to talk to the office about {TARIRO}", VISITOR)
    assert (found["plan"]["intent"], found["next"]) == ("office", "open_office_request")


def test_what_is_no_message_is_refused_by_name() -> None:
    with pytest.raises(InvalidRequest, match=r"message\.phone"):
        understand.handler({"message": {"id": "wamid.1", "type": "text"}}, None)


# --- one run answers a message ----------------------------------------------------------------------------------------


def test_a_message_is_claimed_once(cached: Cached) -> None:
    assert [understood()["next"] for _ in range(2)] == ["send_reply", "busy"]
    cached.claims.finish("wamid.1", sender=RUDO)
    assert understood()["next"] == "done"


def test_a_second_try_of_the_same_run_finds_its_own_claim() -> None:
    event = {"message": message()}
    found = [understand.handler(event | {"run": run}, None)["next"] for run in ("run-1", "run-1", "run-2")]
    assert found == ["send_reply", "send_reply", "busy"]


def test_of_deliveries_at_the_same_instant_one_is_answered() -> None:
    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(lambda _: understood()["next"], range(4))) == ["busy", "busy", "busy", "send_reply"]


def test_the_time_in_the_queue_is_measured(counts: Counts) -> None:
    sent_at = int((time.time() - 2) * 1000)
    understand.handler({"message": message(), "sent_at": sent_at}, None)
    assert 2000 <= counts().total("QueueWait") < 60_000


# --- messages and replies older than 24 hours -------------------------------------------------------------------------

DAY = 24 * 3600
EXPIRED = {"type": "undelivered", "about": "wamid.0"}  # a reply that WhatsApp could not deliver in time


def understood_late(text: str | None = "balance", phone: str = RUDO, message_id: str = "wamid.1") -> dict[str, Any]:
    return understood(text, phone, message_id, timestamp=int(time.time()) - DAY)


def hand_to_office(database: Database, sender: str = RUDO) -> None:
    ask_office(database, sender, "m")
    database.catch_up()


def opt_out(database: Database, phone: str = RUDO) -> None:
    database.run("INSERT INTO contacts (phone, bsuid, opted_out_at) VALUES (:p, 'ZW.1', now())", p=phone)
    database.catch_up()


def test_a_message_that_whatsapp_lets_nobody_answer_is_not_begun() -> None:
    assert understood_late()["next"] == "done"
    assert understood(timestamp=0, message_id="wamid.2")["next"] == "send_reply"  # pasted by hand, without a time


def test_a_redelivered_message_whose_first_run_died_after_sending_is_not_answered_again(cached: Cached) -> None:
    assert understood(run="run-1")["next"] == "send_reply"
    record_delivery.handler(sqs_batch([status("sent")]), None)  # WhatsApp had accepted the reply when the process died
    release_claim.handler({"message_id": "wamid.1", "run": "run-1", "request": None}, None)
    assert understood(run="run-2", receive_count=2)["next"] == "done"


def test_a_redelivered_message_that_only_the_message_log_knows_is_not_answered_again(cached: Cached) -> None:
    record()  # its reply was sent and logged
    cached.claims.release("wamid.1", "")
    cached.lose_everything()
    cached.load("someone else")  # others have written meanwhile
    assert understood(receive_count=2)["next"] == "done"
    assert cached.claim("wamid.1") == Claim.DONE  # the cache knows it again


def test_a_message_that_was_answered_together_with_another_is_not_answered_when_it_comes_again(cached: Cached) -> None:
    record(sent=None)  # no reply of its own
    cached.lose_everything()
    assert understood()["next"] == "done"


def test_a_message_older_than_the_emptied_cache_is_looked_up_in_the_message_log(cached: Cached) -> None:
    record()
    cached.lose_everything()
    assert understood(receive_count=1)["next"] == "done"  # a webhook that WhatsApp has sent again
    assert understood(message_id="wamid.2")["next"] == "send_reply"


def test_a_redelivered_message_that_was_never_answered_is_answered(cached: Cached) -> None:
    assert understood(run="run-1")["next"] == "send_reply"
    release_claim.handler({"message_id": "wamid.1", "run": "run-1", "request": None}, None)
    assert understood(run="run-2", receive_count=2)["next"] == "send_reply"


def test_a_redelivered_message_waits_while_neither_cache_nor_message_log_knows_it(
    cached: Cached, environment: pytest.MonkeyPatch
) -> None:
    record()
    cached.lose_everything()
    without_database(environment)
    with pytest.raises(DataUnavailable):
        understood(receive_count=2)
    without_cache(environment)
    with pytest.raises(DataUnavailable):
        understood(receive_count=2)


def test_a_redelivered_message_that_the_cache_would_know_is_answered_without_the_database(
    cached: Cached, environment: pytest.MonkeyPatch
) -> None:
    cached.load("someone else")  # the cache holds every claim since then
    without_database(environment)
    assert understood(receive_count=2, timestamp=int(time.time()) + 120)["next"] == "send_reply"


def test_a_late_message_that_was_answered_gets_no_template(approve: Approve, cached: Cached) -> None:
    approve(reopen="reopen_conversation")
    record()
    cached.lose_everything()
    late = int(time.time()) - 25 * 3600
    assert understood(timestamp=late)["next"] == "done"


def test_messages_that_came_too_late_are_answered_by_one_template(approve: Approve, counts: Counts) -> None:
    approve(reopen="reopen")
    found = understood_late()
    assert (found["next"], found["plan"]["reply_type"]) == ("send_reply", "reopen")
    assert counts().total("TooLate") == 1
    assert understood_late("hello?", message_id="wamid.2")["next"] == "done"  # a week's messages come in one minute
    assert understood_late(phone=TAPIWA, message_id="wamid.3")["next"] == "send_reply"


@pytest.mark.parametrize("refuse", [opt_out, hand_to_office])
def test_a_person_who_is_not_to_be_written_to_gets_no_template(
    database: Database, approve: Approve, refuse: Callable[[Database], None]
) -> None:
    approve(reopen="reopen")
    refuse(database)
    assert understood_late()["next"] == "done"
    assert understood(None, RUDO, "undelivered:r", **EXPIRED)["next"] == "done"
    assert understood(None, TAPIWA, "undelivered:s", **EXPIRED)["plan"]["reply_type"] == "reopen"


def test_a_person_whose_conversation_the_office_has_is_known_by_either_key(
    database: Database, approve: Approve
) -> None:
    approve(reopen="reopen")
    database.run("INSERT INTO contacts (phone, bsuid) VALUES (:p, 'ZW.1')", p=RUDO)
    hand_to_office(database, "ZW.1")
    assert understood(None, RUDO, "undelivered:r", **EXPIRED)["next"] == "done"


def test_while_the_database_cannot_tell_nobody_is_written_to(approve: Approve, environment: pytest.MonkeyPatch) -> None:
    approve(reopen="reopen")
    without_database(environment)
    assert understood(None, RUDO, "undelivered:r", **EXPIRED)["next"] == "done"


def test_without_an_approved_template_nothing_is_sent_after_24_hours() -> None:
    assert understood(None, RUDO, "undelivered:a", **EXPIRED)["next"] == "done"


def test_a_stop_counts_however_late() -> None:
    found = understood_late("Please stop")
    assert (found["next"], found["plan"]["reply_type"]) == ("record_consent", "opted_out")
    tapped = understood(
        "Stop messages",
        message_id="wamid.2",
        timestamp=int(time.time()) - 3 * DAY,
        type="interactive",
        tap="v1:opt_out",
    )
    assert (tapped["next"], tapped["plan"]["reply_type"]) == ("record_consent", "opted_out")


# --- messages that have waited ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("written", [0, "0", "", None, "soon", 1_795_420_800_000_000_000, -5, "2100000000"])
def test_a_time_that_is_missing_odd_or_in_the_future_is_taken_as_now(cached: Cached, written: object) -> None:
    cached.store_accounts([TARIRO], TERM, FIGURES)
    found = understood("gate pass", timestamp=written)
    assert (found["next"], found["plan"]["reply_type"]) == ("gate_pass", "gate_pass")


def test_a_gate_pass_for_now_that_was_asked_for_hours_ago_waits_for_a_tap() -> None:
    found = understood("gate pass for Tariro now", timestamp=int(time.time()) - 2 * 3600)
    assert (found["next"], found["plan"]["reply_type"], found["fetch"]) == ("send_reply", "confirm", None)


@pytest.mark.parametrize("text", ["Hi", "gate pass for Tariro now"])
@pytest.mark.parametrize("days", [2, 6])
def test_a_message_of_days_ago_gets_a_template_or_nothing(approve: Approve, text: str, days: int) -> None:
    moment = int(time.time()) - days * DAY
    assert understood(text, message_id="wamid.1", timestamp=moment)["next"] == "done"
    approve(reopen="reopen")
    assert understood(text, message_id="wamid.2", timestamp=moment)["plan"]["reply_type"] == "reopen"


def answer(message_id: str, text: str, *, written: int, sent_at: float, **more: Any) -> dict[str, Any]:
    """Understand a message and record its reply as sent at that moment."""
    found = understood(text, message_id=message_id, timestamp=written)
    sent = SENT | {"reply_id": f"reply to {message_id}", "sent_at": int(sent_at)}
    written_by = message(text, message_id=message_id, timestamp=written)
    record(message=written_by, person=found["person"], plan=found["plan"], account=None, sent=sent, **more)
    return found


def test_of_greetings_and_wishes_that_waited_together_each_is_answered_once(counts: Counts) -> None:
    now = int(time.time())
    texts = ["hi", "balance", "Hello", "hi", "balance please", "statement", "hi"]
    steps = [understood_in_outage(place, text, now) for place, text in enumerate(texts)]
    answered = [text for text, step in zip(texts, steps, strict=True) if step != "record_conversation"]
    assert answered == ["hi", "balance", "statement"]
    assert counts().total("AnsweredTogether") == 4


def understood_in_outage(place: int, text: str, now: int) -> str:
    """The next step of a message that was written minutes ago; those before it have just been answered."""
    return str(answer(f"wamid.{place}", text, written=now - 300 + 30 * place, sent_at=now)["next"])


def test_a_wish_written_after_the_reply_is_answered_again() -> None:
    now = int(time.time())
    answer("wamid.1", "balance", written=now - 900, sent_at=now - 600)
    for place, written in enumerate([now - 605, now - 590, now], start=2):
        assert understood("balance", message_id=f"wamid.{place}", timestamp=written)["next"] == "send_reply"
    assert understood("balance", message_id="wamid.9", timestamp=now - 700)["next"] == "record_conversation"


def test_a_wish_of_another_person_or_one_that_was_not_answered_is_answered() -> None:
    now = int(time.time())
    answer("wamid.1", "balance", written=now - 900, sent_at=now - 600)
    assert understood("balance", TAPIWA, "wamid.2", timestamp=now - 700)["next"] == "send_reply"
    found = understood("statement", message_id="wamid.3", timestamp=now - 800)
    record(message=message(message_id="wamid.3"), plan=found["plan"], account=None, sent={"status": "undeliverable"})
    assert understood("statement", message_id="wamid.4", timestamp=now - 700)["next"] == "send_reply"


def test_every_stop_is_obeyed_and_all_words_for_the_office_are_passed_on() -> None:
    now = int(time.time())
    for place, text in enumerate(["stop", "stop", "Please tell the office that the bus was late", "stop"]):
        assert answer(f"wamid.{place}", text, written=now - 300, sent_at=now)["next"] != "record_conversation"


# --- the office could not be notified after all -----------------------------------------------------------------------


def not_told(message_id: str = "office_not_told:n") -> dict[str, Any]:
    return understood(None, "+263772000900", message_id, type="office_not_told", about="m")


def test_whoever_was_promised_an_answer_is_told_that_the_office_does_not_know(
    cached: Cached, database: Database
) -> None:
    hand_to_office(database)
    database.run("UPDATE office_requests SET urgent = true")
    with pytest.raises(DataUnavailable):  # the promise is not out yet; the queue delivers it again
        not_told()
    database.run("INSERT INTO message_log (message_id, reply_id) VALUES ('m', 'wamid.reply')")
    found = not_told()
    assert (found["next"], found["person"]["phone"]) == ("send_reply", RUDO)
    assert (found["plan"]["reply_type"], found["plan"]["urgent"]) == ("office_told", True)


@pytest.mark.parametrize("column", ["answered_at", "closed_at"])
def test_where_a_person_has_answered_nothing_is_taken_back(cached: Cached, database: Database, column: str) -> None:
    assert not_told()["next"] == "done"  # what was passed on later is no request
    hand_to_office(database)
    database.run(f"UPDATE office_requests SET {column} = now()")
    assert not_told()["next"] == "done"


# --- the office has the conversation ----------------------------------------------------------------------------------


def is_passed_on(found: dict[str, Any]) -> bool:
    """Not answered; the office reads it."""
    return bool(found["next"] == "open_office_request" and found["plan"]["addition"])


def test_an_office_that_reads_the_chat_itself_needs_nothing_passed_on(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    office = replace(school().office, coexistence=True)
    in_app = replace(school(), office=office)
    environment.setattr(dependencies, "school", lambda: in_app)
    forget_everything(but=["secrets"])
    cached.senders.set_handed_to_office(RUDO, handed=True)
    found = understood("it was a blue one", message_id="wamid.1")
    assert (found["next"], found["plan"]) == ("record_conversation", None)


def test_an_office_is_not_flooded_by_one_parent(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(limits, "ADDITIONS_A_DAY", 2)
    cached.senders.set_handed_to_office(RUDO, handed=True)
    found = [understood("hello?", message_id=f"wamid.{number}") for number in range(4)]
    assert [is_passed_on(item) for item in found] == [True, True, False, False]
    assert found[-1]["next"] == "record_conversation"


def test_while_the_office_has_the_conversation_only_stop_start_and_ratings_are_acted_on(
    cached: Cached, database: Database
) -> None:
    cached.senders.set_handed_to_office(RUDO, handed=True)
    found = understood("balance", message_id="wamid.1")
    assert is_passed_on(found)
    assert found["plan"]["question"] == "balance"
    assert understood(None, message_id="wamid.0", type="sticker")["plan"]["question"] == "(sticker)"
    stop = understood("STOP", message_id="wamid.2")
    assert (stop["next"], stop["plan"]["reply_type"]) == ("record_consent", "opted_out")
    rating = understood("👎", message_id="wamid.3", type="interactive", tap="v1:feedback:::down")
    assert (rating["next"], rating["plan"]["intent"]) == ("record_conversation", "feedback")  # recorded, not answered
    menu = understood("START", message_id="wamid.4")  # the menu, for people who have not opted out
    assert is_passed_on(menu)
    opt_out(database)
    cached.senders.forget_person(RUDO)
    start = understood("START", message_id="wamid.5")
    assert (start["next"], start["plan"]["reply_type"]) == ("record_consent", "opted_in")


def test_a_danger_reaches_the_office_also_in_a_conversation_that_it_has_and_once(
    cached: Cached, database: Database, sample_school: SampleSchool
) -> None:
    hand_to_office(database)
    cached.senders.set_handed_to_office(RUDO, handed=True)
    found = understood("Tariro hasn't come home", message_id="wamid.2")
    assert (found["next"], found["plan"]["urgent"]) == ("open_office_request", True)
    assert is_passed_on(understood("ok thank you", message_id="wamid.3"))
    database.run("UPDATE office_requests SET urgent = true")
    assert is_passed_on(understood("she is still not home", message_id="wamid.4"))


def test_a_visitor_with_no_questions_left_is_heard_when_it_sounds_urgent(
    cached: Cached, database: Database, sample_school: SampleSchool
) -> None:
    for number in range(school().daily_limits.visitor_questions):
        understood(f"What about {number} things?", VISITOR, f"wamid.{number}")
    assert understood("What about more?", VISITOR, "wamid.a")["plan"]["reply_type"] == "question_limit"
    found = understood("a child of your school had an accident", VISITOR, "wamid.b")
    assert (found["next"], found["plan"]["urgent"]) == ("open_office_request", True)


def test_without_the_cache_the_database_knows_whose_conversation_the_office_has(
    environment: pytest.MonkeyPatch, database: Database
) -> None:
    hand_to_office(database)
    without_cache(environment)
    assert is_passed_on(understood("balance"))
    assert understood("balance", TAPIWA, "wamid.2")["next"] == "send_reply"
    database.run("UPDATE office_requests SET opened_at = now() - interval '13 hours'")
    assert understood("balance", message_id="wamid.3")["next"] == "send_reply"


# --- the account ------------------------------------------------------------------------------------------------------


def test_an_account_that_is_not_cached_is_to_be_fetched() -> None:
    found = understood("balance", TAPIWA)
    assert (found["account"], found["last_account"]) == (None, None)
    assert (found["fetch"]["term"], found["fetch"]["wait"]) == (TERM, 0)
    assert len(found["fetch"]["student_ids"]) == 3


def test_a_fresh_account_needs_no_fetch(cached: Cached) -> None:
    cached.store_accounts([TARIRO], TERM, FIGURES)
    found = understood("balance")
    assert found["fetch"] is None
    assert found["account"]["bills"] == {TARIRO: FIGURES["bills"]}
    assert found["account"]["stale"] is False


def test_one_missing_child_makes_the_whole_family_be_fetched(cached: Cached) -> None:
    ids = [student["id"] for student in understood("hi", TAPIWA)["person"]["students"]]
    cached.store_accounts(ids[:2], TERM, FIGURES)
    assert understood("balance", TAPIWA, "wamid.2")["fetch"]["student_ids"] == ids


def test_an_old_account_is_fetched_and_kept_for_when_the_school_does_not_answer(
    cached: Cached, advance_clock: AdvanceClock
) -> None:
    cached.store_accounts([TARIRO], TERM, FIGURES)
    advance_clock(SOFT_LIFE + 2)
    found = understood("balance", timestamp=0)
    assert found["fetch"] == FETCH
    assert found["last_account"]["stale"] is True
    assert found["last_account"]["as_of"].endswith("+00:00")


def test_a_gate_pass_is_not_decided_on_old_figures(cached: Cached, advance_clock: AdvanceClock) -> None:
    cached.store_accounts([TARIRO], TERM, FIGURES)
    advance_clock(SOFT_LIFE + 2)
    found = understood("gate pass", timestamp=0)
    assert (found["next"], found["fetch"]) == ("gate_pass", FETCH)
    assert found["last_account"] is None


@pytest.mark.parametrize("garbage", ["x", {}, {"bills": []}, None, []])
def test_a_cached_account_that_cannot_be_read_is_fetched_anew(cached: Cached, garbage: object) -> None:
    cached.store_accounts([TARIRO], TERM, garbage)
    assert understood("balance")["fetch"] == FETCH


def test_after_a_greeting_the_account_is_fetched_ahead_where_nobody_has_to_wait(
    cached: Cached, environment: pytest.MonkeyPatch
) -> None:
    found = understood("hi")
    assert found["plan"]["prefetch"] is True
    assert (found["prefetch"], found["fetch"]) == (FETCH, None)  # after the reply, not before it
    environment.setenv("SCHOOL_API_CALLS_PER_MINUTE", "6")
    forget_everything()
    cached.use_school_calls(5, 6)
    crowded = understood("hi", message_id="wamid.2")
    assert (crowded["prefetch"], crowded["fetch"]) == (None, None)


@pytest.mark.usefixtures("redis_at")
def test_in_a_rush_a_parent_waits_a_bounded_time_and_else_is_told_so(
    cached: Cached, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("SCHOOL_API_CALLS_PER_MINUTE", "72")
    forget_everything()
    cached.use_school_calls(20, 72)
    assert understood("balance")["fetch"]["wait"] == 10
    cached.use_school_calls(20, 72)
    busy = understood("balance", message_id="wamid.2")
    assert (busy["next"], busy["problem"]) == ("send_reply", "school_busy")
    assert (busy["fetch"], busy["account"]) == (None, None)


def test_in_a_rush_a_question_is_answered_without_figures(cached: Cached) -> None:
    cached.use_school_calls(1000, 120)
    found = understood("Have you received my payment for Tariro?")
    assert (found["next"], found["fetch"], found["account"], found["problem"]) == ("ai_reply", None, None, None)


def test_in_a_rush_old_figures_are_better_than_none(cached: Cached, advance_clock: AdvanceClock) -> None:
    cached.store_accounts([TARIRO], TERM, FIGURES)
    advance_clock(SOFT_LIFE + 2)
    cached.use_school_calls(120, 120)
    found = understood("balance", timestamp=0)
    assert (found["fetch"], found["problem"], found["account"]["stale"]) == (None, None, True)


# --- questions --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["What time does school start?", "hello, what time does SCHOOL start please"])
def test_one_of_the_schools_own_questions_needs_no_model(words: str) -> None:
    found = understood(words, VISITOR)
    entry = school().knowledge.asked_exactly("What time does school start?")
    assert entry is not None
    assert (found["next"], found["answer"]) == ("send_reply", entry.answer)


def test_a_follow_up_is_not_one_of_the_schools_own_questions(cached: Cached) -> None:
    """After something else "and when do schools close?" may mean something else."""
    assert understood("and what time does school start?", VISITOR)["next"] == "ai_reply"


def test_the_answer_to_a_common_question_is_used_all_day_and_refreshed_after_ten_minutes(
    cached: Cached, advance_clock: AdvanceClock, environment: pytest.MonkeyPatch
) -> None:
    first = understood("When does the school day begin?", VISITOR)
    assert (first["next"], first["answer"]) == ("ai_reply", None)
    cached.store_answer(first["question_key"], "At 8")
    again = understood("the school DAY: when does it begin", RUDO, "wamid.2")
    assert (again["next"], again["answer"], again["refresh_answer"]) == ("send_reply", "At 8", False)
    advance_clock(ANSWER_LIFE + 2)
    old = understood("When does the school day begin?", RUDO, "wamid.3", timestamp=0)
    assert (old["next"], old["answer"], old["refresh_answer"]) == ("send_reply", "At 8", True)
    environment.setattr(common_questions, "_instructions_digest", lambda day: "another day, or other knowledge")
    other = understood("When does the school day begin?", RUDO, "wamid.4", timestamp=0)
    assert (other["next"], other["answer"], other["refresh_answer"]) == ("ai_reply", None, False)


def test_the_account_of_a_parent_is_to_be_fetched_beside_the_model(cached: Cached) -> None:
    words = "What time do lessons start?"
    assert understood(words)["prefetch"] == FETCH
    assert understood(words, VISITOR, "wamid.2")["prefetch"] is None
    assert understood("How much do I owe for Tariro, roughly?", message_id="wamid.3")["prefetch"] is None  # before it
    cached.store_accounts([TARIRO], TERM, FIGURES)
    assert understood(words, message_id="wamid.4")["prefetch"] is None


def test_an_account_that_this_run_has_fetched_is_not_fetched_again() -> None:
    account = {"term": TERM, "as_of": "", "stale": False, "bills": {TARIRO: []}, "payments": {TARIRO: []}}
    wish: dict[str, Any] = {"intent": "balance", "term": None, "student_ids": [], "entry": None}
    event = {"message": message("what remains"), "understood": wish, "account": account}
    found = understand.handler(event, None)
    assert (found["account"], found["fetch"]) == (account, None)
    other = understand.handler(event | {"understood": wish | {"term": "2026-2"}}, None)
    assert (other["account"], other["fetch"]["term"]) == (None, "2026-2")


def test_a_question_about_the_parents_own_figures_has_no_common_answer() -> None:
    found = understood("Why do I still owe so many fees for Tariro, please explain?")
    assert found["plan"]["personal"] is True
    assert (found["question_key"], found["answer"]) == (None, None)
    assert found["fetch"]["student_ids"] == [TARIRO]


# --- what was said before ---------------------------------------------------------------------------------------------


def said_before(cached: Cached, text: str, kind: str = "answer", answer: str = "", **fields: Any) -> None:
    turn = {"asked": text, "kind": kind, "answer": answer, "student_ids": [TARIRO], "term": TERM, "family": [TARIRO]}
    cached.claims.finish(f"wamid.{text}", sender=RUDO, turn=turn | fields)


def test_the_turns_before_go_with_the_message(cached: Cached) -> None:
    said_before(cached, "What time do lessons start?", answer="At 08:00.")
    found = understood("and on Fridays?")
    assert found["next"] == "ai_reply"
    assert [(turn["asked"], turn["answer"]) for turn in found["turns"]] == [
        ("What time do lessons start?", "At 08:00.")
    ]


def test_a_follow_up_is_no_common_question(cached: Cached) -> None:
    key = understood("and on Fridays?", VISITOR)["question_key"]
    cached.store_answer(key, "Sports on Fridays.")
    assert understood("and on Fridays?", VISITOR, "wamid.2")["answer"] == "Sports on Fridays."
    said_before(cached, "What time do lessons start?", answer="At 08:00.")
    found = understood("and on Fridays?", message_id="wamid.3")
    assert (found["answer"], found["question_key"]) == (None, None)


def test_a_whole_question_has_its_common_answer_whatever_was_said_before(cached: Cached) -> None:
    said_before(cached, "balance", "balance")
    key = understood("When does the school day begin?", VISITOR)["question_key"]
    cached.store_answer(key, "At 8")
    assert understood("When does the school day begin?", message_id="wamid.2")["answer"] == "At 8"


def test_a_name_goes_on_with_the_statement_before(cached: Cached) -> None:
    said_before(cached, "statement term 2", "statement", term="2026-2")
    plan = understood("Tariro")["plan"]
    assert (plan["reply_type"], plan["term"]) == ("statement", "2026-2")


def test_what_was_said_about_other_children_of_the_same_number_is_not_used(cached: Cached) -> None:
    said_before(cached, "statement", "statement", family=["SSC20259999"])
    found = understood("Tariro")
    assert (found["plan"]["reply_type"], found["turns"]) == ("balance", [])


def test_a_corrected_number_takes_what_was_said_before_with_it(cached: Cached) -> None:
    said_before(cached, "statement", "statement")
    save_page(student_record(guardian="0712345678", student_id=TARIRO))
    assert cached.load(RUDO).turns == ()


# --- outages ----------------------------------------------------------------------------------------------------------


def test_without_the_cache_the_database_answers(environment: pytest.MonkeyPatch, database: Database) -> None:
    without_cache(environment)
    found = understood("balance")
    assert (found["next"], found["person"]["kind"]) == ("send_reply", "registered")
    assert found["fetch"] == FETCH
    database.run("INSERT INTO message_log (message_id, reply_id) VALUES ('wamid.1', 'reply')")
    assert understood("balance")["next"] == "done"


def test_without_the_database_people_of_the_last_day_are_known(
    environment: pytest.MonkeyPatch, advance_clock: AdvanceClock
) -> None:
    understood(message_id="wamid.0")
    without_database(environment)
    assert understood("balance")["plan"]["reply_type"] == "balance"
    advance_clock(PERSON_LIFE + 60)
    assert understood("balance", message_id="wamid.2", timestamp=0)["plan"]["reply_type"] == "balance"


def test_without_the_database_what_needs_no_records_is_still_answered(environment: pytest.MonkeyPatch) -> None:
    without_database(environment)
    assert understood("1")["plan"]["reply_type"] == "records_unreachable"  # not a question to the model
    assert understood("hi", message_id="wamid.2")["plan"]["reply_type"] == "menu"
    assert understood("5", message_id="wamid.3")["plan"]["intent"] == "office"
    assert understood("Which hours does the school have?", message_id="wamid.4")["next"] == "ai_reply"


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pg8000 leaves sockets to gc
def test_databases_that_do_not_respond_are_waited_for_once_each(environment: pytest.MonkeyPatch) -> None:
    without_cache(environment)  # so that the database is asked whether the message was answered, and who this is
    for name in ("CONNECT_TIMEOUT", "REPLICA_TIMEOUT"):
        environment.setattr(connection, name, 0.2)
    for name in ("REPLICA_PAUSE", "PRIMARY_PAUSE"):
        environment.setattr(connection, name, 3600)
    with silent_server() as replica, silent_server() as primary:
        environment.setenv("DATABASE_READER_URL", replica.url)
        environment.setenv("DATABASE_WRITER_URL", primary.url)
        forget_everything()
        assert understood("1")["plan"]["reply_type"] == "records_unreachable"
        assert understood("hi", message_id="wamid.2")["plan"]["reply_type"] == "menu"
        assert (replica.connects, primary.connects) == (1, 1)
    gc.collect()


def test_without_cache_and_database_the_intent_is_still_known(environment: pytest.MonkeyPatch) -> None:
    without_cache(environment)
    without_database(environment)
    found = understood("3")
    assert (found["next"], found["person"]["kind"]) == ("send_reply", "unsure")
    assert (found["plan"]["intent"], found["plan"]["reply_type"]) == ("gate_pass", "records_unreachable")
