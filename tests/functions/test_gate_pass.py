"""A gate pass: the decision, the record and the PDF, on real PostgreSQL and a real file store."""

import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pypdf import PdfReader

from functions.adapters.aws import AwsError
from functions.adapters.document_store import DocumentStore
from functions.domain.errors import DataUnavailable, InvalidRequest
from local.plan import Plan
from tests.conftest import Aws, Database
from tests.functions.gate_pass_requests import TARIRO, account, ask, scan, token_of
from tests.functions.outages import without_primary


@pytest.fixture(autouse=True)
def records(database: Database, aws: Aws) -> Database:
    database.add_student("Tariro Moyo", "+263771234567")
    return database


def was_delivered(records: Database, given: dict[str, Any]) -> None:
    """WhatsApp took the PDF, as `record_conversation` records it."""
    records.run("UPDATE gate_passes SET media_id = 'm', media_uploaded_at = now() WHERE id = :id", id=given["pass_id"])


# --- the decision -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("paid", "percent", "until"),
    [
        ("200.00", 50, "2026-11-30"),  # the end of the month
        ("279.99", 69, "2026-11-30"),
        ("280.00", 70, "2026-11-24"),  # 30 days before the end of term are over: at least until tomorrow
        ("300.00", 75, "2026-11-24"),
        ("400.00", 100, "2026-12-03"),
        ("500.00", 125, "2026-12-03"),
    ],
)
def test_the_share_paid_decides_how_long(records: Database, aws: Aws, paid: str, percent: int, until: str) -> None:
    found = ask(account(paid))
    assert (found["outcome"], found["delivery"], found["request_of_week"]) == ("issued", "document", 1)
    assert (found["percent_paid"], found["valid_until"]) == (percent, until)
    assert list(aws.files()) == [found["file_key"]]


@pytest.mark.parametrize(
    ("paid", "billed", "refusal", "missing"),
    [
        ("160.00", "400.00", "too little paid", "40.00"),
        ("199.99", "400.00", "too little paid", "0.01"),
        ("", "400.00", "too little paid", "200.00"),
        ("", "", "no fees", "0"),
        ("50.00", "", "no fees", "0"),
    ],
)
def test_a_refusal_says_what_is_missing_and_leaves_nothing(
    records: Database, aws: Aws, paid: str, billed: str, refusal: str, missing: str
) -> None:
    found = ask(account(paid, billed))
    assert (found["refusal"], found["missing"]) == (refusal, missing)
    assert "outcome" not in found
    assert records.value("SELECT count(*) FROM gate_passes") == 0
    assert records.value("SELECT count(*) FROM pass_requests") == 0  # a refused one is no request of the week
    assert aws.files() == {}


def test_no_pass_in_the_holidays(records: Database, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("SCHOOL_TODAY", "2026-12-04")
    assert ask(account("400.00"))["refusal"] == "no term"


@pytest.mark.parametrize(
    "figures",
    [
        account("400.00", stale=True),
        account("400.00") | {"bills": {}, "payments": {}},
        account("400.00") | {"payments": {TARIRO["id"]: None}},
    ],
)
def test_no_pass_is_decided_on_stale_or_missing_figures(records: Database, figures: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        ask(figures)
    assert records.value("SELECT count(*) FROM gate_passes") == 0


# --- the document -----------------------------------------------------------------------------------------------------


def test_the_pdf_shows_what_a_guard_and_a_parent_need(records: Database, aws: Aws, plan: Plan) -> None:
    found = ask(account("300.00"))
    page = PdfReader(io.BytesIO(aws.files()[found["file_key"]])).pages[0].extract_text()
    for wanted in ("Tariro Moyo", TARIRO["id"], "Grade 3", found["number"], "75 %", "24 November 2026"):
        assert wanted in page, page
    assert "+263771234567" not in page
    assert "0771234567" not in page


def test_asking_again_stores_nothing_new_and_counts_against_the_week(records: Database, aws: Aws) -> None:
    first = ask(account("300.00"), "wamid.1")
    was_delivered(records, first)
    before = aws.files()
    forms = [ask(account("300.00"), f"wamid.{number}") for number in range(2, 7)]
    assert [found["outcome"] for found in forms] == ["resent"] * 5
    assert [found["delivery"] for found in forms] == ["document", "document", "text", "text", "refused"]
    assert {found["pass_id"] for found in forms} == {first["pass_id"]}
    assert aws.files() == before


def test_a_pass_that_was_not_delivered_is_sent_until_it_is(records: Database) -> None:
    forms = [ask(account("300.00"), f"wamid.{number}") for number in range(1, 8)]
    assert [found["delivery"] for found in forms] == ["document"] * 7
    was_delivered(records, forms[0])
    assert ask(account("300.00"), "wamid.8")["delivery"] == "refused"


def test_a_better_pass_whose_first_send_failed_is_sent_when_the_message_comes_again(records: Database) -> None:
    was_delivered(records, ask(account("200.00"), "wamid.0"))
    for number in range(1, 5):
        ask(account("200.00"), f"wamid.{number}")
    assert ask(account("400.00"), "wamid.paid")["outcome"] == "replaced"
    again = ask(account("400.00"), "wamid.paid")
    assert (again["outcome"], again["delivery"]) == ("resent", "document")


def test_after_a_payment_there_is_a_new_pass_even_past_the_weekly_limit(records: Database, aws: Aws) -> None:
    first = ask(account("200.00"), "wamid.0")
    for number in range(1, 6):
        ask(account("200.00"), f"wamid.{number}")
    better = ask(account("400.00"), "wamid.paid")
    assert (better["outcome"], better["delivery"]) == ("replaced", "document")
    assert len(aws.files()) == 2
    assert "replaced" in scan(token_of(records, first["pass_id"]))["body"].lower()


def test_the_same_message_twice_is_one_request_and_one_document(records: Database, aws: Aws) -> None:
    first, second = ask(account("300.00")), ask(account("300.00"))
    assert first["request_of_week"] == second["request_of_week"] == 1
    assert first["pass_id"] == second["pass_id"]
    assert len(aws.files()) == 1


def test_two_requests_at_once_make_one_pass_and_one_pdf(
    records: Database, aws: Aws, environment: pytest.MonkeyPatch
) -> None:
    start = threading.Barrier(2)
    stored: list[str] = []
    put = DocumentStore.put

    def noted(store: DocumentStore, key: str, body: bytes, content_type: str) -> None:
        stored.append(key)
        put(store, key, body, content_type)

    environment.setattr(DocumentStore, "put", noted)

    def request(number: int) -> dict[str, Any]:
        start.wait()
        return ask(account("300.00"), f"wamid.{number}")

    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(request, range(2)))
    assert len({item["pass_id"] for item in found}) == 1
    assert sorted(item["request_of_week"] for item in found) == [1, 2]
    assert sorted(item["outcome"] for item in found) == ["issued", "resent"]
    assert stored == [found[0]["file_key"]]
    assert records.value("SELECT count(*) FROM gate_passes") == 1


# --- failures ---------------------------------------------------------------------------------------------------------


def test_a_failing_file_store_leaves_no_pass_and_no_request(records: Database, environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(AwsError):
        ask(account("300.00"))
    assert records.value("SELECT count(*) FROM gate_passes") == 0
    assert records.value("SELECT count(*) FROM pass_requests") == 0


def test_a_failing_file_store_leaves_the_earlier_pass_valid(records: Database, environment: pytest.MonkeyPatch) -> None:
    earlier = ask(account("200.00"), "wamid.1")
    environment.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(AwsError):
        ask(account("400.00"), "wamid.2")
    assert records.run("SELECT id, status FROM gate_passes") == [{"id": earlier["pass_id"], "status": "valid"}]


def test_without_a_database_there_is_no_pass_and_no_file(aws: Aws, environment: pytest.MonkeyPatch) -> None:
    without_primary(environment)
    with pytest.raises(DataUnavailable):
        ask(account("300.00"))
    assert aws.files() == {}
