"""Fetching, sending, remembering, and what WhatsApp tells afterwards: each handler with its real neighbours."""

import json
import time
from dataclasses import replace
from typing import Any

import pytest

from functions import (
    fetch_fees,
    fetch_payments,
    migrate,
    office_request,
    receive_payment,
    record_delivery,
    remember,
    send_reply,
    understand,
)
from functions.adapters import cache as cache_module
from functions.adapters import document_store, observability
from functions.adapters.cache import Cache, Claim
from functions.adapters.school_config import school
from functions.domain.errors import (
    DataUnavailable,
    DeliveryUnknown,
    InvalidRequest,
    OperatorNeeded,
    SchoolApiUnavailable,
    WhatsAppUnavailable,
)
from local.plan import BUCKET, Ports
from local.world.sample import SampleSchool
from tests.conftest import Aws, Database, OutsideWorld

RUDO, TARIRO = "+263772100001", "SSC20250001"
MESSAGE = {"id": "wamid.1", "type": "text", "phone": RUDO, "bsuid": "ZW.1", "text": "balance", "phone_number_id": "1"}
CHILD = {"id": TARIRO, "first_name": "Tariro", "last_name": "Moyo", "grade": "Grade 3"}
PERSON = {"kind": "registered", "phone": RUDO, "bsuid": "ZW.1", "students": [CHILD]}
BALANCE = {"intent": "balance", "reply_type": "balance", "students": [CHILD], "term": "2026-3", "needs_account": True}
BILLS = [{"fee_type": "Tuition", "amount": "400.00", "date": "2026-09-07"}]
ACCOUNT = {
    "term": "2026-3",
    "as_of": "",
    "stale": False,
    "bills": {TARIRO: BILLS},
    "payments": {TARIRO: [{"fee_type": "Tuition", "amount": "160.00", "date": None}]},
}


# --- fetch ------------------------------------------------------------------------------------------------------------


def test_fees_and_payments_are_what_the_school_has(world: OutsideWorld, secrets: None) -> None:
    request = {"student_ids": [TARIRO, "SSC99999999"], "term": "2026-3"}
    assert fetch_fees.handler(request, None) == {"bills": {TARIRO: BILLS, "SSC99999999": None}}
    paid = fetch_payments.handler(request, None)["payments"]
    assert sum(float(line["amount"]) for line in paid[TARIRO]) == 160
    assert paid["SSC99999999"] is None


@pytest.mark.parametrize("handler", [fetch_fees.handler, fetch_payments.handler])
def test_no_figures_are_a_failure_and_not_an_empty_account(world: OutsideWorld, secrets: None, handler: Any) -> None:
    world.fails("school", kind="html")
    with pytest.raises(SchoolApiUnavailable):
        handler({"student_ids": [TARIRO], "term": "2026-3"}, None)


@pytest.mark.parametrize("request_", [{}, {"student_ids": [], "term": "t"}, {"student_ids": "S1", "term": "t"}])
def test_an_incomplete_request_is_refused_by_name(environment: pytest.MonkeyPatch, request_: Any) -> None:
    with pytest.raises(InvalidRequest, match="student_ids"):
        fetch_fees.handler(request_, None)


# --- send -------------------------------------------------------------------------------------------------------------


def send(**found: Any) -> dict[str, Any]:
    message = MESSAGE | {"timestamp": int(time.time())} | found.pop("message", {})
    return send_reply.handler({"message": message, "person": PERSON, "plan": BALANCE, "account": ACCOUNT} | found, None)


def test_a_balance_is_sent_and_told(world: OutsideWorld, secrets: None) -> None:
    before = int(time.time())
    sent = send()
    (message,) = world.outbox()
    assert (message["to"], message["opaque"]) == (RUDO, "wamid.1")
    assert "$240" in world.texts()[0]
    assert (sent["status"], sent["reply_id"], sent["messages"]) == ("sent", message["id"], 1)
    assert before <= sent["sent_at"] <= time.time()


def test_it_goes_where_the_message_came_from(world: OutsideWorld, secrets: None) -> None:
    send(message={"phone": None})
    assert (world.outbox()[0]["to"], world.outbox()[0]["user_id"]) == (None, "ZW.1")


@pytest.mark.parametrize("problem", ["school_unreachable", "school_busy", "pass_unavailable", "unexpected"])
def test_a_problem_is_one_apology_without_internals(world: OutsideWorld, secrets: None, problem: str) -> None:
    send(problem=problem, account=None)
    (text,) = world.texts()
    assert text.startswith("Sorry")
    assert "@" in text  # how to reach the office
    for word in ("error", "exception", problem, "None", "null"):
        assert word not in text.lower().replace("none", "None")


def test_an_apology_needs_neither_plan_nor_person(world: OutsideWorld, secrets: None) -> None:
    assert send(problem="unexpected", plan=None, person=None, account=None)["status"] == "sent"


def test_someone_who_cannot_be_reached_for_good_is_no_failure(world: OutsideWorld, secrets: None) -> None:
    world.fails("graph", kind="status", status=400, code=131026)
    assert send() == {"status": "undeliverable", "code": 131026}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 500, "code": 131000}, WhatsAppUnavailable),
        ({"kind": "status", "status": 429}, WhatsAppUnavailable),
        ({"kind": "status", "status": 400, "code": 131042}, OperatorNeeded),
        ({"kind": "lost"}, DeliveryUnknown),
    ],
    ids=str,
)
def test_every_other_failure_is_raised(world: OutsideWorld, secrets: None, fault: Any, error: type[Exception]) -> None:
    world.fails("graph", **fault)
    with pytest.raises(error):
        send()


def given(**more: Any) -> dict[str, Any]:
    found = {
        "outcome": "issued",
        "delivery": "document",
        "request_of_week": 1,
        "pass_id": 1,
        "number": "GP-2026-3-000001",
        "valid_until": "2026-11-30",
        "percent_paid": 50,
        "file_key": "passes/GP-2026-3-000001.pdf",
        "media_id": None,
    }
    return found | more


GATE_PASS = BALANCE | {"intent": "gate_pass", "reply_type": "gate_pass", "next": "gate_pass"}


def test_a_gate_pass_goes_out_as_its_stored_file(aws: Aws, world: OutsideWorld) -> None:
    document_store.put(BUCKET, "passes/GP-2026-3-000001.pdf", b"%PDF-1.7 stored", "application/pdf")
    sent = send(plan=GATE_PASS, gate_pass=given())
    (message,) = world.outbox()
    assert message["document"]["filename"] == "Gate pass Tariro Moyo.pdf"
    assert message["document"]["bytes"] == len(b"%PDF-1.7 stored")
    again = send(plan=GATE_PASS, gate_pass=given(media_id=sent["media_id"], outcome="resent"))
    assert again["media_id"] is None
    assert len(world.calls("graph", "upload")) == 1


def test_a_gate_pass_whose_file_is_gone_goes_out_as_words(aws: Aws, world: OutsideWorld) -> None:
    sent = send(plan=GATE_PASS, gate_pass=given())
    assert sent["degraded"] is True
    assert "GP-2026-3-000001" in world.texts()[0]
    assert "30 November 2026" in world.texts()[0]


def test_a_long_statement_is_drawn_and_sent_whole(world: OutsideWorld, secrets: None) -> None:
    lines = [{"fee_type": f"Late pick-up {n}", "amount": "10.00", "date": "2026-09-08"} for n in range(200)]
    account = ACCOUNT | {"bills": {TARIRO: lines}}
    send(plan=BALANCE | {"intent": "statement", "reply_type": "statement"}, account=account)
    (message,) = world.outbox()
    assert message["document"]["mime_type"] == "application/pdf"
    assert message["document"]["bytes"] > 2000


# --- remember ---------------------------------------------------------------------------------------------------------

SENT = {"status": "sent", "reply_id": "wamid.reply", "messages": 1, "media_id": None, "sent_at": 1795420800}


def keep(**found: Any) -> dict[str, Any]:
    event = {"message": MESSAGE, "person": PERSON, "plan": BALANCE, "account": ACCOUNT, "fetched": True, "sent": SENT}
    return remember.handler(event | found, None)


def row(database: Database) -> dict[str, Any]:
    return dict(database.run("SELECT * FROM message_log WHERE message_id = 'wamid.1'")[0])


def test_after_the_answer_everything_is_kept(cache: Cache, database: Database) -> None:
    assert keep() == {"cached": True, "logged": True}
    seen = cache.first_look("wamid.1", "ZW.1", "")
    assert seen.claim == Claim.DONE
    assert seen.written
    assert cache.accounts([TARIRO], "2026-3")[TARIRO].value["bills"] == BILLS
    found = row(database)
    assert (found["sender"], found["intent"], found["outcome"]) == ("ZW.1", "balance", "answered")
    assert (found["reply_id"], found["reply_messages"]) == ("wamid.reply", 1)
    assert database.run("SELECT phone, bsuid FROM contacts") == [{"phone": RUDO, "bsuid": "ZW.1"}]


def test_no_text_of_anyone_is_kept(cache: Cache, database: Database) -> None:
    keep(message=MESSAGE | {"text": "my secret sorrow"}, answer="our answer", cacheable=False)
    everything = [database.run(f"SELECT * FROM {table}") for table in ("message_log", "contacts", "notices")]
    assert "sorrow" not in str(everything)
    assert "our answer" not in str(everything)


def test_figures_that_were_not_fetched_now_are_not_renewed(cache: Cache, database: Database) -> None:
    keep(fetched=False)
    assert cache.accounts([TARIRO], "2026-3") == {}


def test_an_account_that_the_school_does_not_know_is_not_kept(cache: Cache, database: Database) -> None:
    keep(account=ACCOUNT | {"payments": {TARIRO: None}})
    assert cache.accounts([TARIRO], "2026-3") == {}


def test_only_a_common_answer_is_kept(cache: Cache, database: Database) -> None:
    question = BALANCE | {"intent": "question", "reply_type": "answer", "next": "ai"}
    keep(plan=question, question_key="hours", answer="At 8", cacheable=True)
    keep(plan=question, question_key="mine", answer="$240", cacheable=False)
    assert cache.first_look("a", "x", "hours").answer is not None
    assert cache.first_look("b", "x", "mine").answer is None


def test_what_we_asked_back_is_kept(cache: Cache, database: Database) -> None:
    keep(plan=BALANCE | {"pending": {"intent": "gate_pass", "term": None}})
    pending = cache.first_look("a", "ZW.1", "").pending
    assert pending is not None
    assert pending.value["intent"] == "gate_pass"


@pytest.mark.parametrize(
    ("found", "outcome"),
    [
        ({"problem": "unexpected"}, "apologised"),
        ({"sent": {"status": "undeliverable", "code": 131026}}, "undeliverable"),
    ],
)
def test_what_came_of_it_is_logged(cache: Cache, database: Database, found: Any, outcome: str) -> None:
    keep(**found)
    assert row(database)["outcome"] == outcome


def test_an_upload_is_noted_with_its_pass(cache: Cache, database: Database) -> None:
    database.add_student("Tariro Moyo", student_id=TARIRO)
    database.run(
        "INSERT INTO gate_passes (number, token, student_id, term, tier, percent_paid, issued_on, valid_until) "
        "VALUES ('1', '1', :s, '2026-3', 'half', 50, '2026-11-23', '2026-11-30')",
        s=TARIRO,
    )
    pass_id = database.value("SELECT id FROM gate_passes")
    keep(plan=GATE_PASS, gate_pass=given(pass_id=pass_id), sent=SENT | {"media_id": "media-1"})
    assert database.value("SELECT media_id FROM gate_passes") == "media-1"


STOP = {"intent": "opt_out", "reply_type": "opted_out"}
DEAD = f"postgresql+pg8000://assistant@127.0.0.1:{Ports.free().postgres}/school"


def test_stop_is_honoured_and_looked_up_anew(cache: Cache, database: Database) -> None:
    for key in (RUDO, "ZW.1"):
        cache.keep_person(key, PERSON)
    assert remember.handler({"message": MESSAGE, "plan": STOP, "wish": True}, None)["logged"]
    assert database.value("SELECT opted_out_at IS NOT NULL FROM contacts")
    assert [cache.first_look(f"wamid.{key}", key, "").person for key in (RUDO, "ZW.1")] == [None, None]
    start = {"intent": "opt_in", "reply_type": "opted_in"}
    remember.handler({"message": MESSAGE, "plan": start, "wish": True}, None)
    assert database.value("SELECT opted_out_at IS NULL FROM contacts")


def test_a_stop_or_a_verdict_that_cannot_be_kept_is_a_failure(
    cache: Cache, database: Database, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("DATABASE_WRITER_URL", DEAD)
    with pytest.raises(DataUnavailable):
        remember.handler({"message": MESSAGE, "plan": STOP, "wish": True}, None)
    for plan in (STOP, {"intent": "feedback", "reply_type": "feedback", "entry": "down"}):
        with pytest.raises(DataUnavailable):
            keep(plan=plan, account=None)


def test_what_we_send_ourselves_does_not_open_anyones_24_hours(cache: Cache, database: Database) -> None:
    keep(message=MESSAGE | {"timestamp": 1795420800})
    written = database.value("SELECT last_message_at FROM contacts")
    for kind in ("payment", "undelivered"):
        again = {"id": f"{kind}:1", "type": kind, "timestamp": 1795429999}
        keep(message=MESSAGE | again, sent=SENT | {"reply_id": kind})
    assert database.value("SELECT last_message_at FROM contacts") == written


# --- the office knows -------------------------------------------------------------------------------------------------

FOR_THE_OFFICE = {"intent": "office", "reply_type": "office_told", "next": "office", "question": "the bus"}
TOLD = {"number": 1, "told": True, "notice_id": "wamid.notice"}


def opened() -> dict[str, Any]:
    return office_request.handler({"message": MESSAGE, "plan": FOR_THE_OFFICE}, None)


def office_wrote(database: Database, hours: int) -> None:
    values = {"phone": school().office.whatsapp, "hours": hours}
    database.run("DELETE FROM contacts")
    database.run(
        "INSERT INTO contacts (phone, last_message_at) VALUES (:phone, now() - make_interval(hours => :hours))",
        **values,
    )


@pytest.fixture
def counted(environment: pytest.MonkeyPatch) -> list[str]:
    """The metrics that were counted, by name."""
    found: list[str] = []
    real = observability._add
    environment.setattr(observe, "_add", lambda name, *more: (found.append(name), real(name, *more)))
    return found


def is_quiet(cache: Cache) -> bool:
    return cache.first_look("wamid.another", "ZW.1", "").is_quiet


def test_how_the_office_can_be_told(cache: Cache, database: Database, environment: pytest.MonkeyPatch) -> None:
    assert opened()["notice"] is None  # it has never written
    office_wrote(database, hours=23)
    assert opened()["notice"] == "free"
    office_wrote(database, hours=25)
    assert opened()["notice"] is None
    found = school()
    approved = replace(found, templates=replace(found.templates, office="office_request"))
    environment.setattr(office_request, "school", lambda: approved)
    assert opened()["notice"] == "template"


def test_an_office_that_was_told_once_is_not_told_again(cache: Cache, database: Database) -> None:
    office_wrote(database, hours=1)
    assert opened()["told"] is False
    remember.handler({"message": MESSAGE, "request": TOLD, "let_go": True}, None)
    assert opened()["told"] is True
    keep(plan=FOR_THE_OFFICE, account=None, request={"number": 1, "told": True, "notice": "free"})
    assert is_quiet(cache)
    assert database.value("SELECT notice_id FROM office_requests") == "wamid.notice"


@pytest.mark.parametrize("order", ["remembered first", "given up first"])
def test_a_notice_that_was_given_up_gives_the_parent_back(
    cache: Cache, database: Database, counted: list[str], order: str
) -> None:
    office_wrote(database, hours=1)
    opened()
    failed = status("failed", id="wamid.notice", answer_to="wamid.1:office", error_codes=[131047], to="263772000900")
    steps = [
        lambda: keep(plan=FOR_THE_OFFICE, account=None, request=TOLD),
        lambda: record_delivery.handler(records([failed]), None),
    ]
    for step in steps if order == "remembered first" else reversed(steps):
        step()
    assert not is_quiet(cache)
    assert database.value("SELECT told_at IS NULL AND failed_at IS NOT NULL FROM office_requests")
    assert "OfficeNotTold" in counted
    assert opened()["notice"] is None  # a second try would fail as well


def test_a_request_that_could_not_be_told_is_counted(cache: Cache, database: Database, counted: list[str]) -> None:
    opened()
    keep(plan=FOR_THE_OFFICE, account=None, request={"number": 1, "told": False})
    assert "OfficeNotTold" in counted
    assert not is_quiet(cache)


def ask(database: Database, sender: str, name: str, hours: int = 0, *, told: bool = True) -> int:
    database.run(
        "INSERT INTO office_requests (message_id, sender, words, opened_at, told_at, notice_id) VALUES "
        "(:name, :sender, '', now() - make_interval(hours => :hours), CASE WHEN :told THEN now() END, :notice)",
        name=name,
        sender=sender,
        hours=hours,
        told=told,
        notice=f"notice of {name}",
    )
    return int(database.value("SELECT max(id) FROM office_requests"))


def close(name: str = "wamid.close", **more: Any) -> Any:
    plan = {"intent": "close", "reply_type": "office_closed", "next": "close", "entry": more.pop("entry", None)}
    return office_request.handler({"message": MESSAGE | {"id": name} | more, "plan": plan}, None)["number"]


def test_the_same_close_closes_one_request(cache: Cache, database: Database) -> None:
    first, second = ask(database, "ZW.5", "a"), ask(database, "ZW.6", "b")
    assert [close(), close()] == [second, second]
    assert close("wamid.close2") == first
    assert close("wamid.close3") is None


def test_a_quoted_notice_says_which_request_is_closed(cache: Cache, database: Database) -> None:
    first, _ = ask(database, "ZW.5", "a"), ask(database, "ZW.6", "b")
    assert close(about="something else") is None
    assert close("wamid.close2", about="notice of a") == first


def test_a_bare_close_is_about_what_the_office_knows_of_and_has_still(cache: Cache, database: Database) -> None:
    old, _ = ask(database, "ZW.5", "a", hours=13), ask(database, "ZW.6", "b", told=False)
    assert close() is None
    assert close("wamid.close2", entry=str(old)) == old


def test_a_parent_with_the_office_gets_no_receipt(cache: Cache, database: Database) -> None:
    database.add_student("Tariro Moyo", RUDO, TARIRO)
    database.run("INSERT INTO contacts (phone, bsuid, last_message_at) VALUES (:p, 'ZW.1', now())", p=RUDO)
    details = {"student_id": TARIRO, "term": "2026-3", "amount": "5.00"}

    def recipients(name: str) -> int:
        notice = {"id": name, "type": "payment", "timestamp": 1795420800, "details": details}
        return len(receive_payment.handler({"message": notice}, None)["recipients"])

    assert recipients("payment:1") == 1
    ask(database, "ZW.1", "a")
    assert recipients("payment:2") == 0


def test_letting_go_gives_the_claim_back_and_nothing_else(cache: Cache, database: Database) -> None:
    cache.first_look("wamid.1", "ZW.1", "")
    remember.handler({"message": MESSAGE, "let_go": True}, None)
    assert cache.first_look("wamid.1", "ZW.1", "").claim == Claim.NEW
    assert database.run("SELECT * FROM message_log") == []


def test_one_dead_store_is_enough_to_remember_and_two_are_not(
    cache: Cache, database: Database, environment: pytest.MonkeyPatch
) -> None:
    dead = f"postgresql+pg8000://assistant@127.0.0.1:{Ports.free().postgres}/school"
    with environment.context() as no_database:
        no_database.setenv("DATABASE_WRITER_URL", dead)
        assert keep() == {"cached": True, "logged": False}
    environment.setenv("CACHE_URL", f"redis://127.0.0.1:{Ports.free().redis}")
    cache_module._client.cache_clear()
    remember.settings.cache_clear()
    remember.cache.cache_clear()
    assert keep() == {"cached": False, "logged": True}
    environment.setenv("DATABASE_WRITER_URL", dead)
    with pytest.raises(DataUnavailable):
        keep()
    cache_module._client.cache_clear()


def test_a_number_learnt_now_is_known_with_the_next_message(
    cache: Cache, database: Database, sample_school: SampleSchool
) -> None:
    database.catch_up()
    hidden = {"id": "wamid.0", "type": "text", "bsuid": "ZW.1", "text": "hi"}
    first = understand.handler({"message": hidden}, None)
    assert first["person"]["kind"] == "no number"
    keep(message=hidden, person=first["person"], plan=first["plan"], account=None)
    card = {"id": "wamid.1", "type": "contacts", "bsuid": "ZW.1", "shared_phone": RUDO}
    second = understand.handler({"message": card}, None)
    keep(message=card, person=second["person"], plan=second["plan"], account=None, sent=SENT | {"reply_id": "r2"})
    cache.forget_person("ZW.1")  # an hour later
    third = understand.handler({"message": hidden | {"id": "wamid.2", "text": "balance"}}, None)
    assert third["plan"]["reply_type"] == "balance"


# --- what WhatsApp tells afterwards ---------------------------------------------------------------------------------


def records(*bodies: Any) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": str(place), "body": body if isinstance(body, str) else json.dumps({"events": body})}
            for place, body in enumerate(bodies)
        ]
    }


def status(state: str, **more: Any) -> dict[str, Any]:
    found = {"kind": "status", "id": "wamid.reply", "status": state, "timestamp": 1795420800, "answer_to": "wamid.1"}
    return found | more


def test_a_delivery_status_closes_the_message_for_good(cache: Cache, database: Database) -> None:
    assert record_delivery.handler(records([status("sent")], [status("read")]), None) == {"batchItemFailures": []}
    assert row(database)["delivery"] == "read"
    assert cache.first_look("wamid.1", "ZW.1", "").claim == Claim.DONE


def test_one_bad_record_does_not_cost_the_others(cache: Cache, database: Database) -> None:
    far = status("read", timestamp=10**18, answer_to="wamid.far")
    found = record_delivery.handler(records("no JSON", [status("sent"), far], [status("read")], "{}"), None)
    assert [item["itemIdentifier"] for item in found["batchItemFailures"]] == ["0", "1", "3"]
    assert row(database)["delivery"] == "read"
    assert database.value("SELECT count(*) FROM message_log") == 1


def test_without_a_database_every_record_is_offered_again(
    cache: Cache, database: Database, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("DATABASE_WRITER_URL", f"postgresql+pg8000://a@127.0.0.1:{Ports.free().postgres}/school")
    found = record_delivery.handler(records([status("sent")], [status("read")]), None)
    assert len(found["batchItemFailures"]) == 2
    assert cache.first_look("wamid.1", "ZW.1", "").claim == Claim.DONE  # not answered twice meanwhile


def test_repeated_records_change_nothing(cache: Cache, database: Database) -> None:
    batch = records([status("sent"), {"kind": "error", "value": {"code": 1}}])
    for _ in range(3):
        record_delivery.handler(batch, None)
    assert database.value("SELECT count(*) FROM message_log") == 1
    assert database.value("SELECT count(*) FROM notices") == 1


def test_a_changed_number_is_looked_up_anew(cache: Cache, database: Database, sample_school: SampleSchool) -> None:
    understand.handler({"message": {"id": "wamid.0", "type": "text", "phone": RUDO, "bsuid": "ZW.1"}}, None)
    change = {"type": "user_changed_number", "wa_id": "263770000000", "user_id": "ZW.2"}
    event = {"kind": "message", "type": "system", "id": "wamid.s", "phone": RUDO, "bsuid": "ZW.1", "details": change}
    record_delivery.handler(records([event]), None)
    assert cache.first_look("wamid.2", "ZW.1", "").person is None


# --- migrate ----------------------------------------------------------------------------------------------------------


def test_migrating_again_changes_nothing(database: Database) -> None:
    database.run("INSERT INTO contacts (phone) VALUES ('+2631')")
    first, second = migrate.handler({}, None), migrate.handler({}, None)
    assert first == second
    assert first["revision"] == database.value("SELECT version_num FROM alembic_version")
    assert database.value("SELECT count(*) FROM contacts") == 1
