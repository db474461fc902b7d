"""A payment notice: it is claimed once, the cached account is dropped, and some guardians get a receipt."""

from typing import Any

import pytest

from functions import prepare_receipts
from functions.adapters.cache.message_claims import Claim
from functions.domain.errors import DataUnavailable, InvalidRequest
from functions.domain.proofs import kind_of_request
from tests.conftest import Counts, Database
from tests.functions.conftest import Approve, Cached
from tests.functions.examples import ask_office
from tests.functions.outages import without_cache, without_primary

RUDO, TENDAI, TARIRO, TERM = "+263771234567", "+263772345678", "SSC20259001", "2026-3"
NOTICE = {"id": "b-1", "student_id": TARIRO, "term": TERM, "amount": "100.00", "fee_type": "Tuition"}
ACCOUNT: dict[str, list[object]] = {"bills": [], "payments": []}


@pytest.fixture(autouse=True)
def records(database: Database, cached: Cached) -> Database:
    """A child with two guardians, who have not written yet."""
    database.add_student("Tariro Moyo", RUDO, TARIRO)
    database.run("INSERT INTO phones VALUES (:i, :p, 'guardian')", i=TARIRO, p=TENDAI)
    return database


def has_written(records: Database, phone: str, bsuid: str | None = None, hours_ago: int = 0) -> int:
    """A message of this person; the id of the contact."""
    records.run(
        "INSERT INTO contacts (phone, bsuid, last_message_at) VALUES (:p, :b, now() - make_interval(hours => :h))",
        p=phone,
        b=bsuid,
        h=hours_ago,
    )
    return int(records.value("SELECT max(id) FROM contacts"))


def prepare(run: str = "run-1", **notice: Any) -> dict[str, Any]:
    return prepare_receipts.handler({"notice": NOTICE | notice, "run": run}, None)


# --- who gets a receipt -----------------------------------------------------------------------------------------------


def test_each_guardian_who_has_written_gets_a_receipt_of_this_payment(records: Database) -> None:
    first, second = has_written(records, RUDO), has_written(records, TENDAI)
    found = prepare()
    assert (found["next"], found["claim"]) == ("send_receipts", "payment:b-1")
    assert [item["id"] for item in found["recipients"]] == [f"payment:b-1:{first}", f"payment:b-1:{second}"]
    assert [item["person"]["phone"] for item in found["recipients"]] == [RUDO, TENDAI]
    assert not any(item["as_template"] for item in found["recipients"])
    assert (found["payment"]["amount"], found["payment"]["term"]) == ("100.00", TERM)
    assert found["payment"]["student"]["first_name"] == "Tariro"


def test_a_receipt_goes_to_the_user_id_where_one_is_known(records: Database) -> None:
    """The number may belong to someone else by now; WhatsApp ends a user id with its owner's number."""
    has_written(records, RUDO, "ZW.1")
    has_written(records, TENDAI)
    people = [item["person"] for item in prepare()["recipients"]]
    assert [(person["phone"], person["bsuid"]) for person in people] == [(None, "ZW.1"), (TENDAI, None)]


@pytest.mark.parametrize("student_id", [TARIRO, "SSC20999999"], ids=["nobody has written", "no such student"])
def test_a_payment_that_nobody_gets_a_receipt_for_is_only_recorded(student_id: str) -> None:
    found = prepare(student_id=student_id)
    assert (found["next"], found["claim"]) == ("record_payment", "payment:b-1")
    assert (found["recipients"], found["payment"], found["fetch"]) == ([], None, None)


def test_a_parent_whose_conversation_the_office_has_gets_no_receipt(records: Database) -> None:
    has_written(records, RUDO, "ZW.1")
    assert len(prepare(id="1")["recipients"]) == 1
    ask_office(records, "ZW.1", "a")
    assert prepare(id="2")["recipients"] == []


def test_a_parent_who_has_opted_out_gets_no_receipt(records: Database) -> None:
    has_written(records, RUDO)
    records.run("UPDATE contacts SET opted_out_at = now()")
    assert prepare()["recipients"] == []


def test_after_24_hours_a_guardian_gets_a_template_if_one_is_approved(records: Database, approve: Approve) -> None:
    has_written(records, RUDO, hours_ago=25)
    has_written(records, TENDAI, hours_ago=23)
    assert [item["person"]["phone"] for item in prepare(id="1")["recipients"]] == [TENDAI]
    approve(receipt="fee_receipt")
    found = prepare(id="2")["recipients"]
    assert [(item["person"]["phone"], item["as_template"]) for item in found] == [(RUDO, True), (TENDAI, False)]


def test_a_guardian_who_has_the_receipt_already_gets_no_second_one(records: Database) -> None:
    first, _ = has_written(records, RUDO), has_written(records, TENDAI)
    records.run("INSERT INTO message_log (message_id, reply_id) VALUES (:i, 'r')", i=f"payment:b-1:{first}")
    assert [item["person"]["phone"] for item in prepare()["recipients"]] == [TENDAI]


# --- the account ------------------------------------------------------------------------------------------------------


def test_the_cached_account_is_dropped_and_a_fetch_from_before_is_not_cached(records: Database, cached: Cached) -> None:
    cached.store_accounts([TARIRO], TERM, ACCOUNT)
    assert cached.accounts([TARIRO], TERM)
    prepare()
    assert cached.accounts([TARIRO], TERM) == {}
    cached.claims.finish("wamid.before", term=TERM, accounts={TARIRO: ACCOUNT}, fetched_at=1.0)
    assert cached.accounts([TARIRO], TERM) == {}


def test_receipts_show_the_new_figures_of_a_term_that_has_begun(records: Database) -> None:
    has_written(records, RUDO)
    assert prepare(id="1")["fetch"] == {"student_ids": [TARIRO], "term": TERM, "wait": 0}
    for number, term in enumerate(("2027-1", "1999-9")):
        assert prepare(id=f"other {number}", term=term)["fetch"] is None


@pytest.mark.usefixtures("redis_at")
def test_a_fetch_keeps_to_the_schools_rate_limit(
    records: Database, cached: Cached, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("SCHOOL_API_CALLS_PER_MINUTE", "72")
    has_written(records, RUDO)
    cached.use_school_calls(20, 72)
    assert prepare(id="1")["fetch"]["wait"] == 10
    cached.use_school_calls(60, 72)
    assert prepare(id="2")["fetch"] is None  # half a minute is the most: the receipt goes out without the balance


# --- once -------------------------------------------------------------------------------------------------------------


def test_a_second_try_of_the_same_run_continues_and_another_run_does_not(records: Database, cached: Cached) -> None:
    has_written(records, RUDO)
    assert [prepare("run-1")["next"] for _ in range(2)] == ["send_receipts", "send_receipts"]
    assert prepare("run-2")["next"] == "busy"
    cached.claims.finish("payment:b-1")
    assert prepare("run-3")["next"] == "done"


def test_without_the_cache_the_receipts_are_prepared_all_the_same(
    records: Database, environment: pytest.MonkeyPatch
) -> None:
    has_written(records, RUDO)
    without_cache(environment)
    assert prepare()["next"] == "send_receipts"


def test_without_the_database_nobody_is_written_to(cached: Cached, environment: pytest.MonkeyPatch) -> None:
    without_primary(environment)
    with pytest.raises(DataUnavailable):
        prepare()
    assert cached.claim("payment:b-1") == Claim.NEW  # the next run has it at once, not when the claim ends by itself


def test_every_notice_is_counted_once(records: Database, counts: Counts) -> None:
    for run in ("run-1", "run-2"):
        prepare(run)
    assert counts().total("PaymentNotices") == 1


@pytest.mark.parametrize("field", ["id", "student_id", "term", "amount"])
def test_an_incomplete_notice_is_refused_by_name(field: str) -> None:
    with pytest.raises(InvalidRequest, match=field):
        prepare_receipts.handler({"notice": NOTICE | {field: None}, "run": "run-1"}, None)


# --- a proof of payment that waits at the office ----------------------------------------------------------------------


def test_a_payment_closes_the_proofs_of_that_child_and_its_receipt_says_so(records: Database) -> None:
    has_written(records, RUDO)
    mine, others = (ask_proof(records, f"wamid.{student_id}", student_id) for student_id in (TARIRO, "SSC20259002"))
    question = ask_office(records, TENDAI, "wamid.question")
    assert prepare()["payment"]["proof"] == mine
    assert open_requests(records) == {others, question}
    records.run("UPDATE office_requests SET closed_at = now() WHERE closed_by IS NULL")
    assert prepare("run-1")["payment"]["proof"] == mine  # the same notice again: the same receipt


def test_a_payment_without_a_proof_says_nothing_of_one(records: Database) -> None:
    has_written(records, RUDO)
    assert "proof" not in prepare()["payment"]


def ask_proof(records: Database, message_id: str, student_id: str) -> int:
    number = ask_office(records, RUDO, message_id)
    records.run("UPDATE office_requests SET kind = :k WHERE id = :n", k=kind_of_request(student_id), n=number)
    return number


def open_requests(records: Database) -> set[int]:
    return {row["id"] for row in records.run("SELECT id FROM office_requests WHERE closed_at IS NULL")}
