"""The reply as WhatsApp gets it, and what the state machine hears of it."""

import time
from typing import Any

import pytest

from functions import dependencies, record_conversation, send_reply
from functions.domain import wording
from functions.domain.errors import DeliveryUnknown, OperatorNeeded, ReplyNotComposed, WhatsAppUnavailable
from functions.domain.replies import Text
from functions.services import send_reply as services_send_reply
from tests.conftest import Aws, Counts, Database, OutsideWorld
from tests.functions.conftest import Cached
from tests.functions.examples import ACCOUNT, BALANCE, GATE_PASS, MESSAGE, PERSON, RUDO, TARIRO, issued_pass

MENU = {"intent": "menu", "reply_type": "menu"}
OFFICE = {"intent": "office", "reply_type": "office_told"}


def send(**found: Any) -> dict[str, Any]:
    message = MESSAGE | {"timestamp": int(time.time())} | found.pop("message", {})
    return send_reply.handler({"message": message, "person": PERSON, "plan": BALANCE, "account": ACCOUNT} | found, None)


# --- to whom, and what comes back -------------------------------------------------------------------------------------


def test_a_balance_is_sent_and_the_result_says_how(world: OutsideWorld, secrets: None) -> None:
    before = int(time.time())
    sent = send()
    (message,) = world.outbox()
    assert (message["to"], message["opaque"]) == (RUDO, "wamid.1")
    assert "$240" in world.texts()[0]
    assert (sent["status"], sent["reply_id"], sent["messages"]) == ("sent", message["id"], 1)
    assert before <= sent["sent_at"] <= time.time()


def test_the_reply_goes_where_the_message_came_from(world: OutsideWorld, secrets: None) -> None:
    send(message={"phone": None})
    assert (world.outbox()[0]["to"], world.outbox()[0]["user_id"]) == (None, "ZW.1")


# --- apologies --------------------------------------------------------------------------------------------------------


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


@pytest.mark.parametrize(
    ("found", "name"),
    [
        ({"plan": MENU}, "Replies"),
        ({"plan": MENU, "problem": "unexpected"}, "Apologies"),
        ({"plan": {"intent": "balance", "reply_type": "records_unreachable"}}, "Apologies"),
        ({"plan": OFFICE, "request": {"number": 1, "notified": False}}, "Apologies"),
        ({"plan": OFFICE}, "Apologies"),
        ({"plan": OFFICE, "request": {"number": 1, "notified": True}}, "Replies"),
    ],
)
def test_an_apology_is_counted_as_one_whatever_its_words(
    world: OutsideWorld, secrets: None, counts: Counts, found: dict[str, Any], name: str
) -> None:
    send(account=None, **found)
    counted = {item: counts().total(item) for item in ("Replies", "Apologies")}
    assert counted == {"Replies": 0, "Apologies": 0} | {name: 1}


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_person_who_cannot_be_reached_is_a_result_and_not_a_failure(world: OutsideWorld, secrets: None) -> None:
    world.fails("graph", kind="status", status=400, code=131026)
    assert send() == {"status": "undeliverable", "code": 131026}


def test_a_person_who_cannot_be_reached_is_counted_and_logged_with_the_code(
    cached: Cached, database: Database, world: OutsideWorld, secrets: None, counts: Counts
) -> None:
    world.fails("graph", kind="status", status=400, code=131026)
    event = {"message": MESSAGE, "person": PERSON, "plan": MENU}
    sent = send_reply.handler(event, None)
    assert counts().split("Undeliverable", "code") == {"131026": [1]}
    assert counts().total("Undeliverable") == 1
    record_conversation.handler(event | {"sent": sent}, None)
    (row,) = database.run("SELECT outcome, delivery_error FROM message_log")
    assert row == {"outcome": "undeliverable", "delivery_error": 131026}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 500, "code": 131000}, WhatsAppUnavailable),
        ({"kind": "status", "status": 429}, WhatsAppUnavailable),
        ({"kind": "html", "status": 502}, DeliveryUnknown),
        ({"kind": "status", "status": 400, "code": 131042}, OperatorNeeded),
        ({"kind": "lost"}, DeliveryUnknown),
    ],
    ids=str,
)
def test_every_other_failure_is_raised(world: OutsideWorld, secrets: None, fault: Any, error: type[Exception]) -> None:
    world.fails("graph", **fault)
    with pytest.raises(error):
        send()


@pytest.mark.parametrize("fault", [{"kind": "html", "status": 502}, {"kind": "html"}, {"kind": "lost"}], ids=str)
def test_an_ambiguous_answer_of_whatsapp_is_delivery_unknown_after_one_call(
    world: OutsideWorld, secrets: None, fault: dict[str, Any]
) -> None:
    world.fails("graph", **fault, operation="send")
    with pytest.raises(DeliveryUnknown):
        send()
    assert len(world.calls("graph", "send")) == 1


def test_a_reply_that_cannot_be_composed_was_certainly_not_sent(
    world: OutsideWorld, secrets: None, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(wording, "compose", lambda *_: 1 // 0)
    with pytest.raises(ReplyNotComposed):
        send()
    assert world.calls("graph") == []


def test_a_count_that_fails_after_the_reply_does_not_fail_the_send(
    world: OutsideWorld, secrets: None, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(services_send_reply, "_record_reply", lambda *_: 1 // 0)
    assert send()["status"] == "sent"
    assert len(world.outbox()) == 1


def test_a_long_reply_goes_on_where_an_earlier_try_stopped(
    world: OutsideWorld, secrets: None, environment: pytest.MonkeyPatch
) -> None:
    long = Text(" ".join(f"Line {number} of a long text." for number in range(480)))
    environment.setattr(wording, "compose", lambda *_: long)
    first = {"status": "incomplete", "parts_sent": 1, "reply_id": "wamid.first"}
    sent = send(sent=first)
    assert (sent["status"], sent["reply_id"], sent["messages"]) == ("sent", "wamid.first", 3)
    assert len(world.texts()) == 2
    assert "Line 0 " not in " ".join(world.texts())


def test_a_long_reply_that_stops_again_keeps_its_first_id(
    world: OutsideWorld, secrets: None, environment: pytest.MonkeyPatch
) -> None:
    long = Text(" ".join(f"Line {number} of a long text." for number in range(480)))
    environment.setattr(wording, "compose", lambda *_: long)
    world.fails("graph", kind="status", status=400, code=131056)
    first = {"status": "incomplete", "parts_sent": 1, "reply_id": "wamid.first"}
    assert send(sent=first) == first | {"form": "message"}


# --- documents --------------------------------------------------------------------------------------------------------


def test_a_gate_pass_is_sent_as_its_stored_file_and_uploaded_once(aws: Aws, world: OutsideWorld) -> None:
    dependencies.documents().put("passes/GP-2026-3-000001.pdf", b"%PDF-1.7 stored", "application/pdf")
    sent = send(plan=GATE_PASS, gate_pass=issued_pass())
    (message,) = world.outbox()
    assert message["document"]["filename"] == "Gate pass Tariro Moyo.pdf"
    assert message["document"]["bytes"] == len(b"%PDF-1.7 stored")
    again = send(plan=GATE_PASS, gate_pass=issued_pass(media_id=sent["media_id"], outcome="resent"))
    assert again["media_id"] is None
    assert len(world.calls("graph", "upload")) == 1


def test_a_gate_pass_whose_file_is_missing_is_sent_as_text(aws: Aws, world: OutsideWorld) -> None:
    sent = send(plan=GATE_PASS, gate_pass=issued_pass())
    assert sent["degraded"] is True
    assert "GP-2026-3-000001" in world.texts()[0]
    assert "30 November 2026" in world.texts()[0]


def test_a_statement_too_long_for_a_message_is_sent_as_a_pdf(world: OutsideWorld, secrets: None) -> None:
    lines = [{"fee_type": f"Late pick-up {n}", "amount": "10.00", "date": "2026-09-08"} for n in range(200)]
    account = ACCOUNT | {"bills": {TARIRO: lines}}
    send(plan=BALANCE | {"intent": "statement", "reply_type": "statement"}, account=account)
    (message,) = world.outbox()
    assert message["document"]["mime_type"] == "application/pdf"
    assert message["document"]["bytes"] > 2000


# --- how long the parent waited ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("message", "waited"), [({"received_ms": 1795600000900}, 1100), ({}, 2000)])
def test_the_response_time_counts_from_the_webhook_to_the_millisecond(
    world: OutsideWorld,
    secrets: None,
    counts: Counts,
    environment: pytest.MonkeyPatch,
    message: dict[str, Any],
    waited: int,
) -> None:
    """WhatsApp's own time is in whole seconds: half a second too much on average. It serves where there is no other."""
    environment.setattr(time, "time", lambda: 1795600002.0)
    send(message={"timestamp": 1795600000} | message)
    assert counts().split("ResponseTime", "intent") == {"balance": [pytest.approx(waited, abs=1)]}


def test_a_promise_is_taken_back_where_it_was_given(world: OutsideWorld) -> None:
    message = {"id": "office_not_told:n", "type": "office_not_told", "phone": "+263772000900", "about": "wamid.1"}
    person = {"kind": "unsure", "phone": "+263772100001", "bsuid": None}
    assert send_reply.handler({"message": message, "person": person, "plan": OFFICE}, None)["status"] == "sent"
    assert [sent["to"] for sent in world.outbox()] == ["+263772100001"]
    assert "could not pass your message on" in world.texts()[0]
