"""What the guard sees behind the QR code of a gate pass."""

import gc

import pytest

from functions.adapters.database import connection
from tests.adapters.silent_server import silent_server
from tests.conftest import Aws, Database, forget_everything
from tests.functions.gate_pass_requests import account, ask, scan, token_of
from tests.functions.outages import without_database, without_primary, without_replica


@pytest.fixture(autouse=True)
def records(database: Database, aws: Aws) -> Database:
    database.add_student("Tariro Moyo", "+263771234567")
    return database


def test_a_valid_pass_is_shown_with_the_child_and_each_check_is_recorded(records: Database) -> None:
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
def test_a_pass_that_is_no_longer_valid_says_why(records: Database, status: str, word: str) -> None:
    token = token_of(records, ask(account("400.00"))["pass_id"])
    records.catch_up()
    assert "not valid" not in scan(token)["body"].lower()
    records.run("UPDATE gate_passes SET status = :status", status=status)
    page = scan(token)  # the replica may still say valid: that is not taken as a final word
    assert word in page["body"].lower()
    assert records.value("SELECT result FROM pass_looks ORDER BY id DESC LIMIT 1") == status


def test_a_pass_expires_on_its_day(records: Database, environment: pytest.MonkeyPatch) -> None:
    token = token_of(records, ask(account("300.00"))["pass_id"])
    environment.setenv("SCHOOL_TODAY", "2026-11-25")
    assert "expired" in scan(token)["body"].lower()


MALFORMED = ["nobody-s-token", "", "a\x00b", "x" * 3000, "x" * 31, "x" * 33, "é" * 32, "<script>alert(1)</script>"]
UNKNOWN = "nobody-s-token-of-32-characters-"


@pytest.mark.parametrize("token", [*MALFORMED, UNKNOWN])
def test_an_unknown_token_is_shown_as_unknown_and_nothing_is_written(records: Database, token: str) -> None:
    page = scan(token)
    assert page["statusCode"] == 404
    assert "unknown" in page["body"].lower()
    assert "<script>" not in page["body"]
    assert records.value("SELECT count(*) FROM pass_looks") == 0


@pytest.mark.parametrize("token", MALFORMED)
def test_what_is_no_token_reaches_no_database(environment: pytest.MonkeyPatch, token: str) -> None:
    without_database(environment)
    assert scan(token)["statusCode"] == 404


def test_the_pass_of_a_child_who_has_left_the_school_does_not_say_valid(records: Database) -> None:
    token = token_of(records, ask(account("400.00"))["pass_id"])
    records.run("UPDATE students SET active = false")
    page = scan(token)
    assert "<h1>REVOKED</h1>" in page["body"]
    assert "<h1>VALID" not in page["body"]


def test_the_page_works_while_one_database_is_down(records: Database, environment: pytest.MonkeyPatch) -> None:
    token = token_of(records, ask(account("400.00"))["pass_id"])
    records.catch_up()
    with environment.context() as replica_down:
        without_replica(replica_down)
        assert scan(token)["statusCode"] == 200
        assert records.value("SELECT count(*) FROM pass_looks") == 1
    with environment.context() as primary_down:
        without_primary(primary_down)
        assert "tariro" in scan(token)["body"].lower()
        assert scan(UNKNOWN)["statusCode"] in (404, 503)  # it may be a pass of this very second
        assert records.value("SELECT count(*) FROM pass_looks") == 1


def test_without_any_database_the_guard_is_asked_to_scan_again(environment: pytest.MonkeyPatch) -> None:
    without_database(environment)
    page = scan(UNKNOWN)
    assert page["statusCode"] == 503
    assert page["headers"]["retry-after"]
    assert "scan again" in page["body"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")  # pg8000 leaves sockets to gc
def test_silent_databases_are_tried_once_each_and_the_guard_is_asked_to_scan_again(
    environment: pytest.MonkeyPatch,
) -> None:
    for name in ("CONNECT_TIMEOUT", "REPLICA_TIMEOUT"):
        environment.setattr(connection, name, 0.2)
    for name in ("REPLICA_PAUSE", "PRIMARY_PAUSE"):
        environment.setattr(connection, name, 3600)
    with silent_server() as replica, silent_server() as primary:
        environment.setenv("DATABASE_READER_URL", replica.url)
        environment.setenv("DATABASE_WRITER_URL", primary.url)
        forget_everything()
        assert scan(UNKNOWN)["statusCode"] == 503
        assert (replica.connects, primary.connects) == (1, 1)
    gc.collect()
