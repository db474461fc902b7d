"""Parents who asked for a person: opened once, closed for good, and with the office for 12 hours at most."""

from datetime import UTC, datetime, timedelta

import pytest

from functions import dependencies
from functions.adapters.database.office_requests import ClosedRequest, OfficeRequests, OpenRequest
from functions.domain.messages import Message
from tests.adapters.database.conftest import BSUID, PHONE, message
from tests.conftest import Database as Tables

OFFICE = "+263772000900"


def open_request(found: Message, *, notified: bool = True) -> OpenRequest:
    with dependencies.primary().writer() as connection:
        requests = OfficeRequests(connection)
        opened = requests.open(found, "The bus was late.")
        if notified:
            requests.record_notified(found.id, f"notification of {found.id}")
        return opened


def close(name: str, number: int | None = None, about: str | None = None) -> ClosedRequest | None:
    with dependencies.primary().writer() as connection:
        return OfficeRequests(connection).close(message(name, OFFICE, "ZW.office", about=about), number)


def has_conversation(*keys: str | None) -> bool:
    with dependencies.primary().writer() as connection:
        return OfficeRequests(connection).has_conversation(keys)


def is_open(tables: Tables, name: str) -> bool:
    return bool(tables.value("SELECT closed_at IS NULL FROM office_requests WHERE message_id = :name", name=name))


# --- opening ----------------------------------------------------------------------------------------------------------


def test_message_that_comes_again_finds_its_request(tables: Tables) -> None:
    first = open_request(message(), notified=False)
    assert (first.notified, first.failed) == (False, False)
    open_request(message())
    again = open_request(message(), notified=False)
    assert again == OpenRequest(first.number, notified=True, failed=False)
    assert [dict(row) for row in tables.run("SELECT sender, phone, words FROM office_requests")] == [
        {"sender": BSUID, "phone": PHONE, "words": "The bus was late."}
    ]


@pytest.mark.parametrize(("hours", "reachable"), [(23, True), (25, False)])
def test_office_is_reachable_for_24_hours_after_it_has_written(tables: Tables, hours: int, reachable: bool) -> None:
    tables.run(
        "INSERT INTO contacts (phone, last_message_at) VALUES (:phone, now() - make_interval(hours => :hours))",
        phone=OFFICE,
        hours=hours,
    )
    with dependencies.primary().writer() as connection:
        assert OfficeRequests(connection).office_is_reachable(OFFICE) is reachable
        assert not OfficeRequests(connection).office_is_reachable(PHONE)
        assert not OfficeRequests(connection).office_is_reachable(None)


# --- the office has the conversation ----------------------------------------------------------------------------------


def test_office_has_the_conversation_once_it_is_notified() -> None:
    open_request(message(), notified=False)
    assert not has_conversation(PHONE, BSUID)
    open_request(message())
    assert has_conversation(PHONE, BSUID)
    assert has_conversation(None, BSUID)
    assert not has_conversation("+263779999999", "ZW.2")
    assert not has_conversation(None, None)


def test_office_has_the_conversation_for_12_hours_at_most(tables: Tables) -> None:
    open_request(message())
    tables.run("UPDATE office_requests SET opened_at = now() - interval '11 hours 59 minutes'")
    assert has_conversation(BSUID)
    tables.run("UPDATE office_requests SET opened_at = now() - interval '12 hours 1 minute'")
    assert not has_conversation(BSUID)


def test_failed_notification_gives_the_conversation_back(tables: Tables) -> None:
    open_request(message())
    with dependencies.primary().writer() as connection:
        requests = OfficeRequests(connection)
        requests.record_notification_failed("wamid.1")
        assert not requests.has_conversation([BSUID])
        assert requests.senders_with_failed_notification(["wamid.1", "wamid.2"]) == [BSUID]
        assert requests.senders_with_failed_notification([]) == []
        assert not requests.record_notified("wamid.1", "wamid.late")  # the failure came first
    assert open_request(message(), notified=False).failed
    assert tables.value("SELECT told_at IS NULL FROM office_requests")


# --- a person answers in the WhatsApp Business app -------------------------------------------------------------------


def answer(name: str, moment: datetime, *keys: str) -> bool:
    with dependencies.primary().writer() as connection:
        return OfficeRequests(connection).record_answer(name, keys or (BSUID, PHONE), PHONE, moment)


def ago(**time: int) -> datetime:
    return datetime.now(UTC) - timedelta(**time)


def test_who_answers_by_hand_has_the_conversation_for_12_hours_from_then(tables: Tables) -> None:
    assert answer("wamid.echo", ago(hours=11))
    assert has_conversation(PHONE, BSUID)
    assert tables.run("SELECT kind, sender, words FROM office_requests") == [
        {"kind": "conversation", "sender": BSUID, "words": ""}
    ]
    assert not answer("wamid.old", ago(hours=13), "ZW.2")
    assert not has_conversation("ZW.2")


def test_each_answer_by_hand_counts_anew_and_the_same_one_counts_once(tables: Tables) -> None:
    open_request(message())
    tables.run("UPDATE office_requests SET opened_at = now() - interval '13 hours'")
    assert not has_conversation(BSUID)
    for _ in range(2):
        assert answer("wamid.echo", ago(hours=1))
    assert has_conversation(BSUID)
    assert tables.value("SELECT count(*) FROM office_requests") == 1  # the answer is to the parent's own request


def test_an_answer_by_hand_tells_that_the_office_knows_of_the_request(tables: Tables) -> None:
    open_request(message(), notified=False)
    answer("wamid.echo", ago(minutes=1))
    assert has_conversation(BSUID)


def test_an_answer_from_before_the_close_does_not_open_the_conversation_again(tables: Tables) -> None:
    answer("wamid.echo", ago(minutes=2))
    assert close("wamid.close") is not None
    assert not answer("wamid.echo", ago(minutes=2))
    assert not answer("wamid.echo of before", ago(minutes=1))
    assert not has_conversation(BSUID)
    assert answer("wamid.echo of later", datetime.now(UTC) + timedelta(seconds=1))
    assert has_conversation(BSUID)


# --- closing ----------------------------------------------------------------------------------------------------------


def test_request_is_closed_by_its_number(tables: Tables) -> None:
    first, second = open_request(message("wamid.1")), open_request(message("wamid.2", "+263770000001", "ZW.2"))
    assert close("wamid.close", first.number) == ClosedRequest(first.number, BSUID, PHONE)
    assert (is_open(tables, "wamid.1"), is_open(tables, "wamid.2")) == (False, True)
    assert not has_conversation(BSUID)
    assert close("wamid.close 2", first.number) is None
    assert close("wamid.close 3", second.number) == ClosedRequest(second.number, "ZW.2", "+263770000001")


def test_request_is_closed_by_quoting_its_notification(tables: Tables) -> None:
    first = open_request(message("wamid.1"))
    open_request(message("wamid.2", "+263770000001", "ZW.2"))
    assert close("wamid.close", about="notification of wamid.1") == ClosedRequest(first.number, BSUID, PHONE)
    assert is_open(tables, "wamid.2")
    assert close("wamid.close 2", about="another message") is None


def test_bare_close_is_about_the_latest_request_that_the_office_has(tables: Tables) -> None:
    first = open_request(message("wamid.1"))
    open_request(message("wamid.2", "+263770000001", "ZW.2"), notified=False)
    open_request(message("wamid.3", "+263770000002", "ZW.3"))
    tables.run("UPDATE office_requests SET opened_at = now() - interval '13 hours' WHERE message_id = 'wamid.3'")
    assert close("wamid.close") == ClosedRequest(first.number, BSUID, PHONE)
    assert close("wamid.close 2") is None


def test_close_that_comes_again_closes_the_same_request(tables: Tables) -> None:
    first = open_request(message("wamid.1"))
    second = open_request(message("wamid.2", "+263770000001", "ZW.2"))
    assert close("wamid.close") == ClosedRequest(second.number, "ZW.2", "+263770000001")
    assert close("wamid.close") == ClosedRequest(second.number, "ZW.2", "+263770000001")
    assert is_open(tables, "wamid.1")
    assert close("wamid.close 2") == ClosedRequest(first.number, BSUID, PHONE)


def test_all_requests_of_the_same_parent_are_closed_together(tables: Tables) -> None:
    open_request(message("wamid.1"))
    latest = open_request(message("wamid.2"))
    assert close("wamid.close", latest.number) == ClosedRequest(latest.number, BSUID, PHONE)
    assert not is_open(tables, "wamid.1")
    assert not has_conversation(BSUID)


def test_a_proof_of_payment_is_closed_by_itself_and_not_with_a_conversation(tables: Tables) -> None:
    question = open_request(message("wamid.1"))
    proof = open_request(message("wamid.2"))
    tables.run("UPDATE office_requests SET kind = 'proof:SSC1' WHERE message_id = 'wamid.2'")
    assert close("wamid.close") == ClosedRequest(question.number, BSUID, PHONE)  # the bare close is about conversations
    assert (is_open(tables, "wamid.1"), is_open(tables, "wamid.2")) == (False, True)
    assert not has_conversation(BSUID)
    again = open_request(message("wamid.3"))
    assert close("wamid.close 2", proof.number) == ClosedRequest(proof.number, BSUID, PHONE)
    assert is_open(tables, "wamid.3")
    assert again.number > proof.number
