"""What a parent reads, message by message."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import pypdfium2
import pytest
import zxingcpp
from pypdf import PdfReader

from functions.adapters.school_config import school
from local.http_client import request
from local.parent import new_message_id, text
from local.send_message import post_webhook, save_documents
from local.stack_client import StackClient
from local.world.webhooks import encode, wrap
from tests.e2e.conftest import Phone, uploads, words_of
from tests.e2e.test_faults import forget_accounts

Phones = Callable[..., Phone]


def test_greeting_opens_the_menu_and_fetches_ahead(phone: Phones, running: StackClient) -> None:
    mother = phone("75")
    said = mother.says("hi")
    assert "Mya" in said
    assert "Sipho" in said
    assert [line[:2] for line in said.splitlines()[-5:]] == ["1.", "2.", "3.", "4.", "5."]
    assert mother.states.index("Send reply") < mother.states.index("Fetch account")
    running.world("DELETE", "/calls")
    assert "Owed: $187.50" in mother.taps("1. Fee balance")
    assert mother.calls("school") == []  # fetched behind the menu


@pytest.mark.parametrize("words", ["1", "1.", "balance", "Balance please", "How much do I owe?", "hi, my fees?"])
def test_balance_in_many_words(phone: Phones, words: str) -> None:
    said = phone("75").says(words)
    assert "Term 3, 2026" in said
    assert "Billed: $750.00" in said
    assert "Paid: $562.50" in said
    assert "Owed: $187.50" in said


def test_first_sign_of_life_is_the_typing_indicator(phone: Phones) -> None:
    mother = phone("75")
    mother.says("balance")
    (typing,) = mother.calls("graph", "typing")
    (sent,) = mother.calls("graph", "send")
    assert typing["start"] < sent["start"]


@pytest.mark.parametrize(
    ("who", "expected"),
    [
        ("credit", "In credit: $"),
        ("100", "Fully paid"),
        ("no fees", "No fees recorded"),
        ("unknown", "could not find this student"),
    ],
)
def test_every_standing(phone: Phones, who: str, expected: str) -> None:
    assert expected in phone(who).says("balance")


def test_children_together_with_a_sum_fetched_side_by_side(phone: Phones, running: StackClient) -> None:
    forget_accounts(running)
    running.world("PUT", "/profile", {"school_api_seconds": 2})
    father = phone("three")
    said = father.says("balance")
    assert said.count("Billed: ") == 3
    assert "All together: " in said
    for kind in ("billed-fees", "payments"):
        calls = father.calls("school", kind)
        assert len(calls) == 3
        assert max(call["start"] for call in calls) < min(call["end"] for call in calls)
    assert len(father.calls("school")) == 6  # no profile is asked for: the children are in our records
    fees, payments = father.state("Fetch fees"), father.state("Fetch payments")
    assert max(fees["start"], payments["start"]) < min(fees["stop"], payments["stop"])


def test_statement_of_an_earlier_term(phone: Phones) -> None:
    said = phone("75").says("statement 2026-1")
    assert "Statement, Term 1, 2026" in said
    assert "Payment, Tuition: −$930.00" in said


def test_a_term_code_alone_shows_that_balance(phone: Phones) -> None:
    assert "Term 1, 2026" in phone("75").says("2026-1")


def test_a_statement_too_long_for_a_message_comes_whole_as_a_pdf(
    phone: Phones, running: StackClient, tmp_path: Path
) -> None:
    father = phone("long")
    said = father.says("statement")
    assert father.last is not None
    (path,) = save_documents(running, father.last, tmp_path)
    assert path.suffix == ".pdf"
    assert path.name in said
    pages = PdfReader(path).pages
    printed = "\n".join(page.extract_text() for page in pages)
    assert len(pages) > 1
    assert printed.count("Payment") >= 40


@pytest.mark.parametrize(
    ("who", "valid_until"),
    [("50", "30 November 2026"), ("75", "24 November 2026"), ("100", "3 December 2026")],
)
def test_gate_pass_by_share_paid(
    phone: Phones, running: StackClient, tmp_path: Path, who: str, valid_until: str
) -> None:
    mother = phone(who)
    said = mother.says("gate pass")
    assert f"Valid until {valid_until}" in said.replace("*", "")
    assert mother.last is not None
    (path,) = save_documents(running, mother.last, tmp_path)
    image = pypdfium2.PdfDocument(path)[0].render(scale=2).to_pil()
    (code,) = zxingcpp.read_barcodes(image)
    url = urlsplit(code.text)
    assert mother.parent.phone
    assert mother.parent.phone[-6:] not in code.text
    status, page = request("GET", code.text)
    assert status == 200
    assert "VALID" in page.decode()
    assert len(url.path.removeprefix("/passes/")) >= 22  # 128 bits


def test_no_gate_pass_under_half_and_how_much_is_missing(phone: Phones) -> None:
    said = phone("40").says("gate pass")
    assert "no gate pass" in said
    assert "40 %" in said
    assert "more* reaches 50 %" in said
    assert "None" not in said


def test_no_fees_posted_no_pass(phone: Phones) -> None:
    assert "still being processed" in phone("no fees").says("3")


def test_several_children_are_asked_for_by_button_or_name(phone: Phones) -> None:
    father = phone("two")
    assert father.says("gate pass").startswith("Which child")
    assert father.last is not None
    names = father.words().splitlines()[1:]
    assert len(names) == 2
    answers = [father.says(names[0])]
    father.says("gate pass")
    answers.append(father.taps(names[1]))
    assert all("ate pass" in answer for answer in answers)
    assert "1. Fee balance" in father.says("menu")


def test_asking_again_sends_the_same_pass_and_uploads_nothing(phone: Phones) -> None:
    mother = phone("+263772100003")
    first = mother.says("gate pass")
    again = mother.says("gate pass")
    number = next(line for line in first.splitlines() if line.startswith("Pass GP-"))
    assert number in again
    assert "again" in again
    assert mother.calls("graph", "upload") == []


def test_weekly_limit_says_what_was_sent_and_why(phone: Phones) -> None:
    mother = phone("+263772100011")
    replies = [mother.says("gate pass") for _ in range(7)]
    assert ["pdf" in reply for reply in replies] == [True] * 3 + [False] * 4
    assert "4 times this week" in replies[3]
    assert "limit" in replies[5]
    assert "info@shiningsmilescollege.ac.zw" in replies[6]


def test_general_question_is_answered_and_kept_for_the_next(phone: Phones, running: StackClient) -> None:
    said = phone("75").says("What time do lessons start?")
    assert "08:00" in said
    other = phone("100")
    assert other.says("what time do LESSONS start???") == said
    assert other.calls("openai") == []


def test_question_about_own_fees_knows_the_figures(phone: Phones) -> None:
    mother = phone("75")
    assert "$187.50" in mother.says("Why do we still have something to pay for Sipho's fees?")
    assert "Fetch account" in mother.states or mother.states.count("AI reply") == 1


def test_visitor_gets_information_and_never_figures(phone: Phones) -> None:
    visitor = phone("+263772999001")
    assert "1. About us" in visitor.says("hello")
    assert "08:00" in visitor.says("1")
    assert "not on" in visitor.says("balance")
    assert "$" not in visitor.says("SSC20250004 balance")


def test_questions_of_a_visitor_are_limited_in_a_day(phone: Phones, running: StackClient) -> None:
    visitor = phone("+263772999002")
    limit = school().daily_limits.visitor_questions
    replies = [visitor.says(f"What time do lessons of class {place} start?") for place in range(limit + 1)]
    assert "a lot of questions today" in replies[limit]
    assert not any("a lot of questions today" in reply for reply in replies[:limit])


@pytest.mark.parametrize("kind", ["voice", "sticker", "location", "contact", "poll", "unknown", "video"])
def test_what_is_not_text_gets_one_helpful_line(phone: Phones, kind: str) -> None:
    mother = phone("75")
    said = mother.says("", kind=kind)
    assert "*menu*" in said
    assert len(mother.last.replies) == 1  # type: ignore[union-attr]


def test_a_reaction_is_recorded_and_never_answered(phone: Phones, running: StackClient) -> None:
    mother = phone("75")
    mother.says("👍", kind="reaction", seconds=1)
    assert mother.last is not None
    assert mother.last.replies == []
    assert running.executions(mother.last.message_id) == []


def test_a_hidden_number_is_asked_for_and_then_known(phone: Phones, running: StackClient) -> None:
    amina = phone(None, "ZW.24018735520917346650")
    amina.says("balance")
    assert amina.last is not None
    assert amina.last.replies[0]["body"]["interactive"]["type"] == "request_contact_info"
    assert amina.last.replies[0]["body"].get("to") is None
    assert "08:00" in amina.says("when does school start")  # questions are for everyone
    amina.says("+263772100004", kind="contact")
    assert "forwarded" in amina.words()
    amina.says("balance")
    said = amina.says("+263772100024", kind="my-number")
    assert "Billed: " in said  # what was asked before is answered now
    assert "Billed: " in amina.says("1")


def test_same_body_twice_and_at_the_same_instant_is_one_reply_and_one_pass(phone: Phones, running: StackClient) -> None:
    mother = phone("+263772100021")
    raw = encode(mother.parent.webhook_body(text("gate pass"), "wamid.TWICE"))
    with ThreadPoolExecutor(4) as threads:
        statuses = [status for status, _ in threads.map(lambda _: post_webhook(running, raw), range(4))]
    assert statuses == [200] * 4
    found = running.world("GET", "/outbox", timeout=60, wait=30, in_reply_to="wamid.TWICE")
    post_webhook(running, raw)
    time.sleep(1)
    found = running.world("GET", "/outbox", in_reply_to="wamid.TWICE")
    assert len(found) == 1
    assert "GP-" in words_of(found[0]["body"])


def test_three_messages_of_two_people_in_one_body(phone: Phones, running: StackClient) -> None:
    one, other = phone("75").parent, phone("100").parent
    ids = [new_message_id() for _ in range(3)]
    body = wrap(
        contacts=[other.contact(), one.contact()],
        messages=[
            one.message(text("balance"), ids[0]),
            other.message(text("balance"), ids[1]),
            one.message(text("thanks"), ids[2]),
        ],
    )
    assert post_webhook(running, encode(body))[0] == 200
    replies = [running.world("GET", "/outbox", timeout=60, wait=30, in_reply_to=name)[0] for name in ids]
    assert [reply["to"].lstrip("+") for reply in replies] == [one.address, other.address, one.address]
    assert "Sipho" in words_of(replies[0]["body"])
    assert "Sipho" not in words_of(replies[1]["body"])


@pytest.mark.parametrize("header", [None, "sha256=" + "0" * 64, "sha1=abc"])
def test_unsigned_or_wrongly_signed_does_nothing(phone: Phones, running: StackClient, header: str | None) -> None:
    raw = encode(phone("75").parent.webhook_body(text("balance"), "wamid.FORGED"))
    headers = {"X-Hub-Signature-256": header} if header else {}
    status, _ = request("POST", f"{running.plan.public_url}/webhook", raw, headers)
    assert status == 401
    time.sleep(0.3)
    assert running.executions("wamid.FORGED") == []
    assert running.world("GET", "/outbox", in_reply_to="wamid.FORGED") == []


@pytest.mark.parametrize(
    "raw", [b"not json", b"[]", b'{"object":"page","entry":[]}', b'{"object":"whatsapp_business_account"}']
)
def test_a_signed_body_of_another_form_is_kept_and_does_nothing_else(running: StackClient, raw: bytes) -> None:
    before = len(running.world("GET", "/outbox"))
    assert post_webhook(running, raw)[0] == 200
    time.sleep(0.2)
    assert len(running.world("GET", "/outbox")) == before
    assert len(uploads(running)) == 1


def test_whatsapps_verification(running: StackClient) -> None:
    query = f"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token={running.plan.verify_token}"
    assert request("GET", f"{running.plan.public_url}/webhook?{query}") == (200, b"1158201444")
    assert request("GET", f"{running.plan.public_url}/webhook?{query}x")[0] == 403


def test_an_unknown_pass_is_unknown(running: StackClient) -> None:
    status, page = request("GET", f"{running.plan.public_url}/passes/{'x' * 32}")
    assert status == 404
    assert "UNKNOWN" in page.decode()
