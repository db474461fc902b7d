"""The office reads a parent's request on its own WhatsApp number."""

from pathlib import Path
from typing import Any

import pytest

from functions import notify_office
from functions.adapters.school_config import school
from functions.domain import proofs
from functions.domain.errors import WhatsAppUnavailable
from local.samples import DOCUMENT, PICTURE
from tests.conftest import OutsideWorld
from tests.functions.conftest import Approve
from tests.functions.examples import MESSAGE, OFFICE, PERSON

pytestmark = pytest.mark.usefixtures("world", "secrets")


def notify(by: str = "message") -> dict[str, Any]:
    request = {"number": 7, "notified": False, "notify_by": by}
    person = PERSON | {"profile_name": "Rudo Moyo"}
    return notify_office.handler({"message": MESSAGE, "person": person, "plan": OFFICE, "request": request}, None)


def test_the_office_reads_who_asks_what_and_how_to_answer(world: OutsideWorld) -> None:
    found = notify()
    (message,) = world.outbox()
    assert message["to"] == school().office.whatsapp
    assert message["opaque"] == "wamid.1:office"  # a failed delivery is told by it
    assert found == {"notified": True, "notification_id": message["id"]}
    (text,) = world.texts()
    for expected in ("Request 7", "Rudo Moyo", "Tariro Moyo", "the bus", "https://wa.me/263772100001"):
        assert expected in text


def test_the_office_reads_what_a_parent_adds(world: OutsideWorld) -> None:
    request = {"number": 7, "notified": False, "notify_by": "message"}
    plan = OFFICE | {"addition": True, "question": "it was a blue one"}
    person = PERSON | {"profile_name": "Rudo Moyo"}
    notify_office.handler({"message": MESSAGE, "person": person, "plan": plan, "request": request}, None)
    assert world.texts() == ["*Request 7*, Rudo Moyo writes:\n\n“it was a blue one”"]


def test_after_the_offices_24_hours_the_approved_template_is_sent(world: OutsideWorld, approve: Approve) -> None:
    approve(office="office_request")
    world.page("PUT", "/templates", {"office_request": {"language": "en", "parameters": 2}})
    found = notify("template")
    (message,) = world.outbox()
    world.page("PUT", "/templates", {})
    given = message["body"]["template"]["components"][0]["parameters"]
    assert [item["text"] for item in given] == ["Rudo Moyo", "7"]
    assert found["notified"] is True


def test_an_office_that_cannot_be_reached_is_not_notified(world: OutsideWorld) -> None:
    world.fails("graph", kind="status", status=400, code=131026)
    assert notify() == {"notified": False, "notification_id": None}


def test_an_outage_of_whatsapp_is_a_failure(world: OutsideWorld) -> None:
    world.fails("graph", kind="status", status=500, code=131000)
    with pytest.raises(WhatsAppUnavailable):
        notify()


# --- a proof of payment -----------------------------------------------------------------------------------------------


def proof(entry: str, by: str = "message") -> dict[str, Any]:
    plan: dict[str, Any] = {
        "intent": "proof",
        "reply_type": "proof_told",
        "next": "open_office_request",
        "entry": entry,
    }
    plan |= {"students": PERSON["students"], "question": "Proof of payment for Tariro Moyo"}
    request = {"number": 7, "notified": False, "notify_by": by}
    event = {"message": MESSAGE, "person": PERSON, "plan": plan, "request": request}
    return notify_office.handler(event, None)


@pytest.mark.parametrize(
    ("sample", "mime_type", "extension", "kind"),
    [(PICTURE, "image/jpeg", "jpg", "image"), (DOCUMENT, "application/pdf", "pdf", "document")],
)
def test_the_office_gets_the_file_itself(
    world: OutsideWorld, sample: Path, mime_type: str, extension: str, kind: str
) -> None:
    name = world.simulated.graph.receive(sample.read_bytes(), mime_type)
    assert proof(f"{extension}.{name}")["notified"] is True
    (message,) = world.outbox()
    assert message["to"] == school().office.whatsapp
    header = message["body"]["interactive"]["header"]
    assert header["type"] == kind
    assert world.simulated.graph.media[header[kind]["id"]].content == sample.read_bytes()
    text = message["body"]["interactive"]["body"]["text"]
    for expected in ("Request 7", "Proof of payment for Tariro Moyo", "https://wa.me/263772100001", "close 7"):
        assert expected in text


@pytest.mark.parametrize("content", [None, bytes(proofs.MOST_BYTES + 1)], ids=["gone", "too large"])
def test_a_file_that_cannot_be_passed_on_is_named_to_the_office(world: OutsideWorld, content: bytes | None) -> None:
    name = world.simulated.graph.receive(content, "image/jpeg") if content else "1234567890"
    assert proof(f"jpg.{name}")["notified"] is True
    (text,) = world.texts()
    assert "could not be passed on" in text


def test_a_file_that_cannot_be_fetched_now_is_tried_again(world: OutsideWorld) -> None:
    name = world.simulated.graph.receive(PICTURE.read_bytes(), "image/jpeg")
    world.fails("graph", operation="media", kind="status", status=503)
    with pytest.raises(WhatsAppUnavailable):
        proof(f"jpg.{name}")
    assert world.outbox() == []
