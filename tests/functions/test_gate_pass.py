"""A gate pass from the decision to the guard's page, on real PostgreSQL, with a real file store."""

import gc
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from pypdf import PdfReader

from functions import gate_pass, verify_pass
from functions.adapters import document_store
from functions.adapters.aws import AwsError
from functions.adapters.database import connection
from functions.domain.errors import DataUnavailable, InvalidRequest
from local.plan import Plan, Ports
from tests.adapters.silent_server import silent_server
from tests.conftest import Aws, Database

TARIRO = {"id": "SSC20259001", "first_name": "Tariro", "last_name": "Moyo", "grade": "Grade 3"}


@pytest.fixture(autouse=True)
def records(database: Database, aws: Aws) -> Database:
    connection.add_student("Tariro Moyo", "+263771234567")
    return database


def account(paid: str, billed: str = "400.00", **more: Any) -> dict[str, Any]:
    def lines(amount: str) -> list[dict[str, str]]:
        return [{"fee_type": "Tuition", "amount": amount, "date": "2026-09-07"}] if amount else []

    bills, payments = {TARIRO["id"]: lines(billed)}, {TARIRO["id"]: lines(paid)}
    return {"term": "2026-3", "as_of": "", "stale": False, "bills": bills, "payments": payments} | more


def ask(figures: dict[str, Any], message_id: str = "wamid.1", phone: str | None = "+263771234567") -> dict[str, Any]:
    event = {"message_id": message_id, "student": TARIRO, "account": figures, "phone": phone}
    return gate_pass.handler(event, None)


def scan(token: str) -> dict[str, Any]:
    event = {
        "requestContext": {"http": {"method": "GET"}},
        "pathParameters": {"token": token},
        "headers": {},
    }
    return verify_pass.handler(event, None)


def token_of(records: Database, pass_id: int) -> str:
    return str(records.value("SELECT token FROM gate_passes WHERE id = :id", id=pass_id))


def has_got(records: Database, given: dict[str, Any]) -> None:
    """WhatsApp took the PDF, as `remember` notes it."""
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
def test_stale_or_missing_figures_decide_nothing(records: Database, figures: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        ask(figures)
    assert records.value("SELECT count(*) FROM gate_passes") == 0


# --- the document -----------------------------------------------------------------------------------------------------


def test_the_pdf_tells_what_a_guard_and_a_parent_need(records: Database, aws: Aws, plan: Plan) -> None:
    found = ask(account("300.00"))
    page = PdfReader(io.BytesIO(aws.files()[found["file_key"]])).pages[0].extract_text()
    for wanted in ("Tariro Moyo", TARIRO["id"], "Grade 3", found["number"], "75 %", "24 November 2026"):
        assert wanted in page, page
    assert "+263771234567" not in page
    assert "0771234567" not in page


def test_asking_again_stores_nothing_new_and_counts(records: Database, aws: Aws) -> None:
    first = ask(account("300.00"), "wamid.1")
    has_got(records, first)
    before = aws.files()
    forms = [ask(account("300.00"), f"wamid.{number}") for number in range(2, 7)]
    assert [found["outcome"] for found in forms] == ["resent"] * 5
    assert [found["delivery"] for found in forms] == ["document", "document", "text", "text", "refused"]
    assert {found["pass_id"] for found in forms} == {first["pass_id"]}
    assert aws.files() == before


def test_a_pass_that_never_reached_the_parent_is_sent_until_it_does(records: Database) -> None:
    forms = [ask(account("300.00"), f"wamid.{number}") for number in range(1, 8)]
    assert [found["delivery"] for found in forms] == ["document"] * 7
    has_got(records, forms[0])
    assert ask(account("300.00"), "wamid.8")["delivery"] == "refused"


def test_a_better_pass_whose_first_send_failed_is_sent_when_the_message_comes_again(records: Database) -> None:
    has_got(records, ask(account("200.00"), "wamid.0"))
    for number in range(1, 5):
        ask(account("200.00"), f"wamid.{number}")
    assert ask(account("400.00"), "wamid.paid")["outcome"] == "replaced"
    again = ask(account("400.00"), "wamid.paid")
    assert (again["outcome"], again["delivery"]) == ("resent", "document")


def test_a_payment_brings_a_new_pass_even_after_the_limit(records: Database, aws: Aws) -> None:
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
    start, stored = threading.Barrier(2), []
    put = document_store.put
    environment.setattr(files, "put", lambda *arguments: stored.append(arguments[1]) or put(*arguments))

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
    environment.setenv("DATABASE_WRITER_URL", f"postgresql+pg8000://assistant@127.0.0.1:{Ports.free().postgres}/school")
    with pytest.raises(DataUnavailable):
        ask(account("300.00"))
    assert aws.files() == {}


# --- the guard's page -------------------------------------------------------------------------------------------------


def test_a_valid_pass_is_shown_with_the_child_and_each_look_is_recorded(records: Database) -> None:
    found = ask(account("400.00"))
    token = token_of(records, found["pass_id"])
    pages = [scan(token) for _ in range(2)]  # the first may come before the replica knows the pass
    for page in pages:
        assert page["statusCode"] == 200
        assert "text/html" in page["headers"]["content-type"]
        for wanted in ("Valid", "Tariro Moyo", "3 December 2026"):
            assert wanted.lower() in page["body"].lower()
        assert "+263" not in page["body"]
        assert "<script" not in page["body"]
    assert (
        records.run("SELECT pass_id, result FROM pass_looks") == [{"pass_id": found["pass_id"], "result": "valid"}] * 2
    )


@pytest.mark.parametrize(("status", "word"), [("revoked", "revoked"), ("replaced", "replaced"), ("expired", "expired")])
def test_a_pass_that_is_no_longer_good_says_why(records: Database, status: str, word: str) -> None:
    token = token_of(records, ask(account("400.00"))["pass_id"])
    records.catch_up()
    assert "not valid" not in scan(token)["body"].lower()
    records.run("UPDATE gate_passes SET status = :status", status=status)
    page = scan(token)  # the replica may still say valid: that is not taken as a final word
    assert word in page["body"].lower()
    assert records.value("SELECT result FROM pass_looks ORDER BY id DESC LIMIT 1") == status


def test_a_pass_expires_by_itself(records: Database, environment: pytest.MonkeyPatch) -> None:
    token = token_of(records, ask(account("300.00"))["pass_id"])
    environment.setenv("SCHOOL_TODAY", "2026-11-25")
    assert "expired" in scan(token)["body"].lower()


@pytest.mark.parametrize("token", ["nobody-s-token", "", "a\x00b", "x" * 3000, "<script>alert(1)</script>"])
def test_an_unknown_token_is_unknown(records: Database, token: str) -> None:
    page = scan(token)
    assert page["statusCode"] == 404
    assert "unknown" in page["body"].lower()
    assert "<script>" not in page["body"]
    assert records.value("SELECT result FROM pass_looks") == "unknown"


def test_the_page_works_while_one_database_is_down(records: Database, environment: pytest.MonkeyPatch) -> None:
    token = token_of(records, ask(account("400.00"))["pass_id"])
    records.catch_up()
    dead = f"postgresql+pg8000://assistant@127.0.0.1:{Ports.free().postgres}/school"
    with environment.context() as replica_down:
        replica_down.setenv("DATABASE_READER_URL", dead)
        assert scan(token)["statusCode"] == 200
        assert records.value("SELECT count(*) FROM pass_looks") == 1
    with environment.context() as primary_down:
        primary_down.setenv("DATABASE_WRITER_URL", dead)
        assert "tariro" in scan(token)["body"].lower()
        assert scan("nobody-s-token")["statusCode"] in (404, 503)  # it may be a pass of this very second
        assert records.value("SELECT count(*) FROM pass_looks") == 1


def test_without_any_database_the_guard_is_asked_to_scan_again(environment: pytest.MonkeyPatch) -> None:
    dead = f"postgresql+pg8000://assistant@127.0.0.1:{Ports.free().postgres}/school"
    environment.setenv("DATABASE_READER_URL", dead)
    environment.setenv("DATABASE_WRITER_URL", dead)
    page = scan("some-token")
    assert page["statusCode"] == 503
    assert page["headers"]["retry-after"]
    assert "scan again" in page["body"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pg8000 leaves sockets to gc
def test_with_silent_databases_the_guard_is_asked_to_scan_again(environment: pytest.MonkeyPatch) -> None:
    for name in ("CONNECT_TIMEOUT", "REPLICA_TIMEOUT"):
        environment.setattr(database, name, 0.2)
    for name in ("REPLICA_PAUSE", "PRIMARY_PAUSE"):
        environment.setattr(database, name, 3600)
    with silent_server() as replica, silent_server() as primary:
        environment.setenv("DATABASE_READER_URL", replica.url)
        environment.setenv("DATABASE_WRITER_URL", primary.url)
        assert scan("some-token")["statusCode"] == 503
        assert (replica.connects, primary.connects) == (1, 1)
    gc.collect()
