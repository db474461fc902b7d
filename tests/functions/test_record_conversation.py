"""What is in the cache and in the database after a conversation."""

from typing import Any

import pytest

from functions import understand
from functions.adapters.cache.message_claims import Claim
from functions.domain.errors import DataUnavailable
from local.world.sample import SampleSchool
from tests.conftest import Counts, Database
from tests.functions.conftest import Cached
from tests.functions.examples import (
    ACCOUNT,
    BALANCE,
    BILLS,
    GATE_PASS,
    MESSAGE,
    NOTIFIED,
    OFFICE,
    PERSON,
    RUDO,
    SENT,
    STOP,
    TARIRO,
    TERM,
    issued_pass,
    log_row,
    record,
)
from tests.functions.outages import without_cache, without_primary

QUESTION = {"intent": "question", "reply_type": "answer", "next": "ai_reply"}
RATING = {"intent": "feedback", "reply_type": "feedback", "entry": "down"}

# --- what is recorded -------------------------------------------------------------------------------------------------


def test_after_a_reply_the_claim_the_account_the_log_and_the_contact_are_written(
    cached: Cached, database: Database
) -> None:
    assert record() == {"cached": True, "logged": True}
    loaded = cached.claims.claim_and_load("wamid.1", "ZW.1", "")
    assert loaded.claim == Claim.DONE
    assert loaded.min_wal
    assert cached.accounts([TARIRO], TERM)[TARIRO].value["bills"] == BILLS
    row = log_row(database)
    assert (row["sender"], row["intent"], row["outcome"]) == ("ZW.1", "balance", "answered")
    assert (row["reply_id"], row["reply_messages"]) == ("wamid.reply", 1)
    assert database.run("SELECT phone, bsuid FROM contacts") == [{"phone": RUDO, "bsuid": "ZW.1"}]


def test_no_text_that_anyone_wrote_is_recorded(cached: Cached, database: Database) -> None:
    record(message=MESSAGE | {"text": "my secret sorrow"}, answer="our answer", cacheable=False)
    everything = [database.run(f"SELECT * FROM {table}") for table in ("message_log", "contacts", "notices")]
    assert "sorrow" not in str(everything)
    assert "our answer" not in str(everything)


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ({"problem": "unexpected"}, "apologised"),
        ({"sent": {"status": "undeliverable", "code": 131026}}, "undeliverable"),
    ],
)
def test_the_outcome_is_logged(cached: Cached, database: Database, found: Any, outcome: str) -> None:
    record(**found)
    assert log_row(database)["outcome"] == outcome


def test_an_upload_is_recorded_with_its_gate_pass(cached: Cached, database: Database) -> None:
    database.add_student("Tariro Moyo", student_id=TARIRO)
    database.run(
        "INSERT INTO gate_passes (number, token, student_id, term, tier, percent_paid, issued_on, valid_until) "
        "VALUES ('1', '1', :s, '2026-3', 'half', 50, '2026-11-23', '2026-11-30')",
        s=TARIRO,
    )
    pass_id = database.value("SELECT id FROM gate_passes")
    record(plan=GATE_PASS, gate_pass=issued_pass(pass_id=pass_id), sent=SENT | {"media_id": "media-1"})
    assert database.value("SELECT media_id FROM gate_passes") == "media-1"


def test_a_reply_of_ours_that_expired_does_not_open_the_persons_24_hours(cached: Cached, database: Database) -> None:
    record(message=MESSAGE | {"timestamp": 1795420800})
    before = database.value("SELECT last_message_at FROM contacts")
    expired = {"id": "undelivered:1", "type": "undelivered", "timestamp": 1795429999}
    record(message=MESSAGE | expired, sent=SENT | {"reply_id": "undelivered"})
    assert database.value("SELECT last_message_at FROM contacts") == before


# --- what is cached ---------------------------------------------------------------------------------------------------


def test_an_account_that_was_not_fetched_now_is_not_cached_again(cached: Cached, database: Database) -> None:
    record(fetched=False)
    assert cached.accounts([TARIRO], TERM) == {}


def test_an_account_that_the_school_does_not_know_is_not_cached(cached: Cached, database: Database) -> None:
    record(account=ACCOUNT | {"payments": {TARIRO: None}})
    assert cached.accounts([TARIRO], TERM) == {}


def test_only_the_answer_to_a_common_question_is_cached(cached: Cached, database: Database) -> None:
    record(plan=QUESTION, question_key="hours", answer="At 8", cacheable=True)
    record(plan=QUESTION, question_key="mine", answer="$240", cacheable=False)
    assert cached.load("x", "hours").answer is not None
    assert cached.load("x", "mine").answer is None


def test_what_we_asked_back_is_cached(cached: Cached, database: Database) -> None:
    record(plan=BALANCE | {"pending": {"intent": "gate_pass", "term": None}})
    pending = cached.load("ZW.1").pending
    assert pending is not None
    assert pending.value["intent"] == "gate_pass"


def test_a_number_that_was_learnt_is_known_with_the_next_message(
    cached: Cached, database: Database, sample_school: SampleSchool
) -> None:
    database.catch_up()
    hidden = {"id": "wamid.0", "type": "text", "bsuid": "ZW.1", "text": "hi"}
    first = understand.handler({"message": hidden}, None)
    assert first["person"]["kind"] == "no number"
    record(message=hidden, person=first["person"], plan=first["plan"], account=None)
    card = {"id": "wamid.1", "type": "contacts", "bsuid": "ZW.1", "shared_phone": RUDO}
    second = understand.handler({"message": card}, None)
    record(message=card, person=second["person"], plan=second["plan"], account=None, sent=SENT | {"reply_id": "r2"})
    cached.senders.forget_person("ZW.1")  # an hour later
    third = understand.handler({"message": hidden | {"id": "wamid.2", "text": "balance"}}, None)
    assert third["plan"]["reply_type"] == "balance"


# --- what is remembered of the conversation ---------------------------------------------------------------------------


def remembered(cached: Cached) -> list[Any]:
    """What is kept of the conversation, without the ids."""
    return [(turn["asked"], turn["kind"], turn["answer"]) for turn in turns_of(cached)]


def turns_of(cached: Cached) -> list[Any]:
    return list(cached.load("ZW.1").turns)


def test_the_turn_is_remembered_without_figures(cached: Cached, database: Database) -> None:
    record()
    record(message=said("how  are\nthe hours?"), plan=QUESTION, answer="From 08:00.")
    record(message=said("why so much?"), plan=QUESTION | {"personal": True}, answer="You owe $240.00.")
    record(message=said("the other"), plan=QUESTION, answer="Which one do you mean?")
    assert remembered(cached) == [
        ("balance", "balance", ""),
        ("how are the hours?", "answer", "From 08:00."),
        ("why so much?", "answer", ""),
        ("the other", "question_back", "Which one do you mean?"),
    ]
    first = turns_of(cached)[0]
    assert (first["student_ids"], first["term"], first["family"]) == ([TARIRO], TERM, [TARIRO])
    assert "240" not in str(cached.load("ZW.1").turns)


@pytest.mark.parametrize(
    "found",
    [
        {"problem": "unexpected"},
        {"sent": {"status": "undeliverable", "code": 131026}},
        {"message": MESSAGE | {"text": "your code is 483920"}},
        {"message": MESSAGE | {"text": None}},
        {"plan": RATING},
    ],
    ids=["an apology", "not delivered", "a one-time code", "no words", "a rating"],
)
def test_nothing_is_remembered_of_it_and_what_was_before_stays(cached: Cached, database: Database, found: Any) -> None:
    record(message=said("balance please"))
    record(**found)
    assert remembered(cached) == [("balance please", "balance", "")]


@pytest.mark.parametrize(
    "found",
    [
        {"plan": STOP},
        {"plan": OFFICE, "request": NOTIFIED | {"notify_by": "message"}},
        {"plan": None, "sent": None},
    ],
    ids=["STOP", "handed to the office", "the office has the conversation"],
)
def test_nothing_is_kept_after_stop_or_of_someone_handed_to_the_office(
    cached: Cached, database: Database, found: Any
) -> None:
    record(message=said("balance please"))
    record(account=None, **found)
    assert remembered(cached) == []


def said(text: str) -> dict[str, Any]:
    return MESSAGE | {"text": text}


# --- requests to the office -------------------------------------------------------------------------------------------


def test_a_conversation_of_which_the_office_was_notified_is_handed_to_it(cached: Cached, database: Database) -> None:
    database.run("INSERT INTO office_requests (message_id, sender, words) VALUES ('wamid.1', 'ZW.1', '')")
    record(plan=OFFICE, account=None, request=NOTIFIED | {"notify_by": "message"})
    assert cached.load("ZW.1").is_handed_to_office
    assert database.value("SELECT told_at IS NOT NULL FROM office_requests")
    assert database.value("SELECT notice_id FROM office_requests") == "wamid.notification"


def test_a_request_of_which_the_office_could_not_be_notified_is_counted(
    cached: Cached, database: Database, counts: Counts
) -> None:
    database.run("INSERT INTO office_requests (message_id, sender, words) VALUES ('wamid.1', 'ZW.1', '')")
    record(plan=OFFICE, account=None, request={"number": 1, "notified": False})
    assert counts().total("OfficeNotTold") == 1
    assert not cached.load("ZW.1").is_handed_to_office


# --- outages ----------------------------------------------------------------------------------------------------------


def test_one_store_is_enough_and_without_both_it_fails(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    with environment.context() as no_database:
        without_primary(no_database)
        assert record() == {"cached": True, "logged": False}
    without_cache(environment)
    assert record() == {"cached": False, "logged": True}
    without_primary(environment)
    with pytest.raises(DataUnavailable):
        record()


@pytest.mark.parametrize("said", [STOP, RATING], ids=["a STOP", "a rating"])
def test_what_only_the_database_holds_is_a_failure_without_it(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    without_primary(environment)
    with pytest.raises(DataUnavailable):
        record(person=PERSON, plan=said, account=None)
