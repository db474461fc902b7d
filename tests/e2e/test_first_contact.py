"""What we send first, and to whom else: receipts, the office, feedback, opt-outs, templates."""

import json
import time
from collections.abc import Callable, Iterator

import pytest

from functions.domain import payments
from local import kpi
from local.parent import new_message_id, text
from local.payments import book_payment, post_notice
from local.send_message import post_webhook
from local.stack_client import StackClient
from local.world.webhooks import encode
from tests.conftest import eventually
from tests.e2e.conftest import Phone, words_of

Phones = Callable[..., Phone]


def receipts(running: StackClient, event: str, seconds: float = 30) -> list[str]:
    found = running.world("GET", "/outbox", timeout=60, wait=seconds, in_reply_to=f"payment:{event}:")
    return [words_of(reply["body"]) for reply in found]


def child_of(running: StackClient, phone: str) -> str:
    """The id of the first child of a sample parent. Not one of `BY_SITUATION`: their figures are asserted elsewhere."""
    return str(next(p["children"][0]["id"] for p in running.world("GET", "/sample") if p["phone"] == phone))


def finished(running: StackClient, event: str) -> None:
    """Wait until the run of that notice is over: what was fetched is kept at its end."""
    eventually(lambda: any(run["status"] == "SUCCEEDED" for run in running.executions(event, "payment")))


def is_silent(running: StackClient, event: str) -> None:
    """The notice is dealt with, and nobody is written to."""
    finished(running, event)
    (only,) = running.executions(event, "payment")
    assert "Send receipt" not in [state["name"] for state in only["timeline"]]
    assert receipts(running, event, 0.1) == []


def test_a_payment_becomes_a_receipt_with_the_new_balance_and_the_pass_it_reaches(
    phone: Phones, running: StackClient
) -> None:
    mother = phone("+263772100021")  # 69.9 % paid
    before = mother.says("balance")
    event = book_payment(running, child_of(running, "+263772100021"), "10.00")
    (said,) = receipts(running, event)
    assert "has received *$10.00* for *" in said
    assert "Billed" in said
    assert "gate pass until" in said
    finished(running, event)
    running.world("DELETE", "/calls")
    after = mother.says("balance")
    assert before != after
    assert mother.calls("school") == []  # the receipt brought the new figures
    assert "GP-" in mother.taps("Gate pass")


def test_a_payment_without_a_parent_who_wrote_is_silent(running: StackClient) -> None:
    event = book_payment(running, child_of(running, "+263772100020"), "1.00")
    is_silent(running, event)


def test_a_payment_of_a_student_we_do_not_know_is_silent(running: StackClient) -> None:
    notice = {"id": "unknown-1", "student_id": "SSC20999999", "term": "2026-3", "amount": "5"}
    assert post_notice(running, json.dumps(notice).encode())[0] == 202
    is_silent(running, "unknown-1")


def test_the_same_payment_twice_is_one_receipt(phone: Phones, running: StackClient) -> None:
    phone("+263772100019").says("thanks")
    child = child_of(running, "+263772100019")
    event = book_payment(running, child, "1.00", event_id="booking-1")
    assert len(receipts(running, event)) == 1
    book_payment(running, child, "1.00", event_id="booking-1")
    time.sleep(1)
    assert len(receipts(running, event)) == 1


def test_with_the_24_hour_window_enforced_who_wrote_gets_a_receipt_and_nobody_else_is_sent_anything(
    phone: Phones, running: StackClient
) -> None:
    running.world("PUT", "/profile", {"customer_window": True})
    phone("+263772100019").says("thanks")
    (said,) = receipts(running, book_payment(running, child_of(running, "+263772100019"), "1.00"))
    assert "has received *$1.00*" in said
    event = book_payment(running, child_of(running, "+263772100020"), "1.00")  # has never written
    running.world("DELETE", "/calls")
    finished(running, event)
    assert [c for c in running.world("GET", "/calls") if (c["service"], c["operation"]) == ("graph", "send")] == []
    assert receipts(running, event, 0.1) == []


@pytest.mark.parametrize(
    ("raw", "header", "status", "said"),
    [
        (b"{}", "t=1,v1=abc", 401, "X-Signature"),
        (b"{}", "", 401, "X-Signature"),
        (b"{}", None, 400, "id: expected"),
        (b"no json", None, 400, "body: expected JSON"),
        (b'{"id":"1","student_id":"SSC1","term":"2026-3","amount":"-5"}', None, 400, "amount: expected more than 0"),
    ],
)
def test_payment_notices_are_checked(
    running: StackClient, raw: bytes, header: str | None, status: int, said: str
) -> None:
    answer = post_notice(running, raw, header)
    assert answer[0] == status
    assert said in answer[1].decode()


def test_an_old_payment_signature_is_refused(running: StackClient) -> None:
    raw = json.dumps({"id": "1", "student_id": "SSC20250004", "term": "2026-3", "amount": "5"}).encode()
    old = payments.sign(raw, running.plan.payment_secret, time.time() - 301)
    assert post_notice(running, raw, old)[0] == 401


def test_opt_out_is_honoured_and_taken_back(phone: Phones, running: StackClient) -> None:
    father = phone("+263772100018")
    child = child_of(running, "+263772100018")
    father.says("hi")
    assert "not write to you first" in father.says("STOP")
    is_silent(running, book_payment(running, child, "1.00"))
    assert "Billed" in father.says("balance")  # answers are no first contact
    assert "write to you first again" in father.says("START")
    assert len(receipts(running, book_payment(running, child, "1.00"))) == 1


@pytest.fixture
def office(phone: Phones, running: StackClient) -> Iterator[Phone]:
    found = phone(running.plan.office)
    yield found
    for _ in range(3):
        if "no open request" in found.says("close"):
            break


def test_talk_to_the_office(phone: Phones, running: StackClient, office: Phone) -> None:
    mother = phone("100")
    assert "What would you like to tell the office?" in mother.says("5")
    told = mother.says("My son forgot his jacket in the bus, who can help me?")
    assert "Your message is with the office" in told
    assert "expect an answer" in told
    notices = running.world("GET", "/outbox", to=running.plan.office)
    notice = words_of(notices[-1]["body"])
    assert "forgot his jacket" in notice
    assert f"https://wa.me/{mother.parent.address}" in notice
    assert "Anesu" in notice
    mother.says("hello?", seconds=1.5)
    assert mother.last is not None
    assert mother.last.replies == []  # the office has this conversation
    number = notice.partition("Request ")[2].partition("*")[0]
    assert "*Open requests: " in office.says("requests")
    assert f"Sent to Tendai Moyo (request {number})" in office.says(f"reply {number} We have found it.")
    assert "We have found it." in received(running, mother.parent.address)
    mother.says("Thank you, I come at three", seconds=1.5)
    assert mother.last.replies == []
    assert "I come at three" in eventually(lambda: received(running, running.plan.office, "three"))
    assert "is closed" in office.says(f"close {number}")
    assert "1. Fee balance" in mother.says("hello?")
    assert "is closed" not in mother.says(f"close {number}")  # from anyone else an ordinary message


def received(running: StackClient, address: str, part: str = "") -> str:
    """The latest message of that phone, if this is in it."""
    words = words_of(running.world("GET", "/outbox", to=address)[-1]["body"])
    return words if part in words else ""


def test_a_revoked_gate_pass_is_refused_at_the_gate_and_not_issued_anew(
    phone: Phones, running: StackClient, office: Phone
) -> None:
    mother = phone("+263772100022")  # 85 % paid
    given = mother.says("gate pass")
    number = given.partition("Pass ")[2].split()[0]
    assert f"{number}*: valid" in office.says(f"passes {child_of(running, '+263772100022')}")
    done = office.says(f"revoke {number} phone stolen")
    assert "is *revoked*" in done
    assert "The parent has been told." in done
    assert f"({number}) is no longer valid" in received(running, mother.parent.address)
    assert f"{number}*: revoked" in office.says(f"passes {child_of(running, '+263772100022')}")
    assert "has withdrawn the gate pass" in mother.says("gate pass")
    assert "may be issued" in office.says(f"allow {number}")
    again = mother.says("gate pass")
    assert "GP-" in again
    assert number not in again


def test_where_a_person_answers_in_the_app_the_assistant_keeps_quiet(
    phone: Phones, running: StackClient, office: Phone
) -> None:
    father = phone("+263772100011")
    assert "1. Fee balance" in father.says("hello")
    raw = encode(father.parent.echo_body(text("The bus is late today."), new_message_id()))
    assert post_webhook(running, raw)[0] == 200

    def is_quiet() -> bool:
        father.says("balance", seconds=1)
        assert father.last is not None
        return father.last.replies == []

    eventually(is_quiet)
    assert "is closed" in office.says("close")
    assert "Billed" in father.says("balance")


def test_a_notice_that_whatsapp_gives_up_later_gives_the_parent_back(
    phone: Phones, running: StackClient, office: Phone
) -> None:
    office.says("hello")
    mother = phone("credit")
    yesterday = time.time() - 25 * 3600  # WhatsApp knows better
    running.world("POST", "/inbound", {"from": running.plan.office, "time": yesterday})
    running.world("PUT", "/profile", {"name": "zero", "customer_window": True})
    before = len(running.world("GET", "/outbox", to=running.plan.office))
    assert "Your message is with the office" in mother.says("I want to talk to the office about the lost jacket")
    collected = running.plan.log("webhook").parent
    eventually(lambda: kpi.Collected.of(collected).total("OfficeNotTold") >= 1)
    running.world("PUT", "/profile", {"name": "zero"})
    assert "1. Fee balance" in mother.says("hello?")  # nobody keeps quiet
    after = len(running.world("GET", "/outbox", to=running.plan.office))
    assert after == before  # no template that asks the office to write


def test_the_office_unreachable_means_its_contacts(phone: Phones, running: StackClient, office: Phone) -> None:
    refusal = {"kind": "status", "status": 400, "code": 131047, "operation": "send", "times": 1}
    running.world("PUT", "/faults/graph", refusal)
    said = phone("50").says("Please I want to talk to the office about the lost jacket of Thabo")
    assert "could not pass your message on" in said
    assert "info@shiningsmilescollege.ac.zw" in said
    assert "Billed" in phone("50").says("balance")  # nobody keeps quiet


def test_feedback_by_button_and_by_reaction(phone: Phones, running: StackClient) -> None:
    mother = phone("75")
    assert mother.says("Which day is for sports at your school please?").endswith("👍\n👎")
    mother.taps("👍")
    assert mother.last is not None
    assert mother.last.replies[0]["body"]["reaction"]["message_id"] == mother.last.message_id
    assert "info@shiningsmilescollege.ac.zw" in mother.taps("👎")
    collected = kpi.Collected.of(running.plan.log("webhook").parent)
    assert {1.0, -1.0} <= set(collected.values["FeedbackUp", "record_conversation"])  # said, and taken back by the 👎
    assert collected.total("FeedbackDown") >= 1


def test_kpis_of_what_ran(phone: Phones, running: StackClient) -> None:
    phone("75").says("balance")
    collected = kpi.Collected.of(running.plan.log("webhook").parent)
    rows = {label.strip(): value for label, value, _ in kpi.rows(collected, running.plan.school_api)}
    assert all(rows[label] != "-" for label in ("response time, average", "response time, P95", "cache hit rate"))
    assert all(rows[label] != "-" for label in ("cold-start rate", "queue wait, P50", "typing indicator accepted, P50"))
    assert float(rows["replies"]) > 0
