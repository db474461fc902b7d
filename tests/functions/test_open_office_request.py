"""A parent asks for a person: the request, and how the office can be notified of it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from functions import dependencies, open_office_request
from functions.adapters.school_config import school
from functions.domain.messages import Message
from tests.conftest import Counts, Database, forget_everything
from tests.functions.conftest import Approve, Cached
from tests.functions.examples import CHILD, MESSAGE, NOTIFIED, OFFICE, TARIRO, deliver, record, status

PROOF = OFFICE | {"intent": "proof", "reply_type": "proof_told", "students": [CHILD], "entry": "jpg.1"}


def open_request() -> dict[str, Any]:
    return open_office_request.handler({"message": MESSAGE, "plan": OFFICE}, None)


def office_wrote(database: Database, hours_ago: int) -> None:
    database.run("DELETE FROM contacts")
    database.run(
        "INSERT INTO contacts (phone, last_message_at) VALUES (:phone, now() - make_interval(hours => :hours))",
        phone=school().office.whatsapp,
        hours=hours_ago,
    )


def test_the_office_gets_a_message_within_its_24_hours_and_after_them_an_approved_template(
    cached: Cached, database: Database, approve: Approve
) -> None:
    assert open_request()["notify_by"] is None  # it has never written
    office_wrote(database, hours_ago=23)
    assert open_request()["notify_by"] == "message"
    office_wrote(database, hours_ago=25)
    assert open_request()["notify_by"] is None
    approve(office="office_request")
    assert open_request()["notify_by"] == "template"


def test_an_office_that_reads_the_chat_itself_needs_no_notification(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    found = school()
    in_app = replace(found, office=replace(found.office, coexistence=True, whatsapp=None))
    environment.setattr(dependencies, "school", lambda: in_app)
    forget_everything(but=["secrets"])
    opened = open_request()
    assert (opened["notified"], opened["notify_by"]) == (True, None)
    record(plan=OFFICE, account=None, request=opened)
    assert cached.load("ZW.1").is_handed_to_office


def test_a_message_that_comes_again_has_the_same_request(cached: Cached, database: Database) -> None:
    assert open_request()["number"] == open_request()["number"]
    assert database.run("SELECT sender, words FROM office_requests") == [{"sender": "ZW.1", "words": "the bus"}]


def test_an_office_that_was_notified_is_not_notified_again(cached: Cached, database: Database) -> None:
    office_wrote(database, hours_ago=1)
    first = open_request()
    assert (first["notified"], first["notify_by"]) == (False, "message")
    record(plan=OFFICE, account=None, request=NOTIFIED)
    again = open_request()
    assert (again["notified"], again["notify_by"]) == (True, None)


@pytest.mark.parametrize("order", ["recorded first", "failed first"])
def test_a_notification_that_was_not_delivered_gives_the_conversation_back(
    cached: Cached, database: Database, counts: Counts, order: str
) -> None:
    office_wrote(database, hours_ago=1)
    open_request()
    failed = status(
        "failed", id="wamid.notification", answer_to="wamid.1:office", error_codes=[131047], to="263772000900"
    )
    steps: list[Callable[[], object]] = [
        lambda: record(plan=OFFICE, account=None, request=NOTIFIED),
        lambda: deliver([failed]),
    ]
    for step in steps if order == "recorded first" else reversed(steps):
        step()
    assert not cached.load("ZW.1").is_handed_to_office
    assert database.value("SELECT told_at IS NULL AND failed_at IS NOT NULL FROM office_requests")
    assert counts().total("OfficeNotTold") >= 1
    assert open_request()["notify_by"] is None  # a second try would fail as well


def test_what_is_urgent_is_marked(cached: Cached, database: Database) -> None:
    open_office_request.handler({"message": MESSAGE, "plan": OFFICE | {"urgent": True}}, None)
    assert database.value("SELECT urgent FROM office_requests") is True


def test_what_a_parent_adds_belongs_to_the_request_that_the_office_has(cached: Cached, database: Database) -> None:
    added = {"message": MESSAGE | {"id": "wamid.2"}, "plan": OFFICE | {"addition": True}}
    office_wrote(database, hours_ago=1)
    assert open_office_request.handler(added, None)["notify_by"] is None  # it has none
    number = open_request()["number"]
    record(plan=OFFICE, account=None, request=NOTIFIED)
    assert open_office_request.handler(added, None) == {"number": number, "notified": False, "notify_by": "message"}
    office_wrote(database, hours_ago=25)
    assert open_office_request.handler(added, None)["notify_by"] is None
    assert database.value("SELECT count(*) FROM office_requests") == 1


def test_a_proof_of_payment_is_a_request_that_leaves_the_conversation_with_the_assistant(
    cached: Cached, database: Database
) -> None:
    office_wrote(database, hours_ago=1)
    found = open_office_request.handler({"message": MESSAGE, "plan": PROOF}, None)
    assert found["notify_by"] == "message"
    assert database.value("SELECT kind FROM office_requests") == f"proof:{TARIRO}"
    record(plan=PROOF, account=None, request=NOTIFIED | {"number": found["number"]})
    assert database.value("SELECT told_at IS NOT NULL FROM office_requests")
    assert not cached.load("ZW.1").is_handed_to_office
    database.catch_up()
    assert not dependencies.message_history().is_handed_to_office(Message.read(MESSAGE))
    assert cached.load("ZW.1").turns  # and what was said is remembered
