"""What a guardian reads about a payment."""

from typing import Any

import pytest

from functions import send_receipt
from functions.domain.errors import DeliveryUnknown, OperatorNeeded, WhatsAppUnavailable
from tests.conftest import Counts, OutsideWorld
from tests.functions.conftest import Approve
from tests.functions.examples import ACCOUNT, CHILD, PERSON, RUDO, TERM

pytestmark = pytest.mark.usefixtures("world", "secrets")

PAYMENT = {"student": CHILD, "term": TERM, "amount": "100.00"}


def send(account: Any = ACCOUNT, *, as_template: bool = False) -> dict[str, Any]:
    recipient = {"id": "payment:b-1:7", "person": PERSON, "as_template": as_template}
    return send_receipt.handler({"recipient": recipient, "payment": PAYMENT, "account": account}, None)


def test_thanks_for_the_payment_and_the_new_balance_are_sent(world: OutsideWorld) -> None:
    sent = send()
    (message,) = world.outbox()
    assert (message["to"], message["opaque"]) == (RUDO, "payment:b-1:7")
    (text,) = world.texts()
    assert "has received *$100.00* for *Tariro Moyo*" in text
    assert "$240" in text
    assert (sent["status"], sent["reply_id"]) == ("sent", message["id"])


def test_without_figures_the_payment_alone_is_confirmed(world: OutsideWorld) -> None:
    send(account=None)
    (text,) = world.texts()
    assert "has received *$100.00* for *Tariro Moyo*" in text
    assert "$240" not in text


def test_after_24_hours_the_approved_template_is_sent(world: OutsideWorld, approve: Approve) -> None:
    approve(receipt="fee_receipt")
    with pytest.raises(OperatorNeeded):  # Meta does not know it: the notice waits until someone has acted
        send(as_template=True)
    assert world.outbox() == []
    world.page("PUT", "/templates", {"fee_receipt": {"language": "en", "parameters": 3}})
    assert send(as_template=True)["status"] == "sent"
    (message,) = world.outbox()
    world.page("PUT", "/templates", {})
    given = message["body"]["template"]["components"][0]["parameters"]
    assert [item["text"] for item in given] == ["Tariro Moyo", "$100.00", "$240.00"]


def test_without_an_approved_template_nothing_is_sent_after_24_hours(world: OutsideWorld) -> None:
    assert send(as_template=True)["status"] == "undeliverable"
    assert world.calls("graph") == []


def test_a_guardian_who_cannot_be_reached_is_a_result_with_the_code(world: OutsideWorld, counts: Counts) -> None:
    world.fails("graph", kind="status", status=400, code=131026)
    assert send() == {"status": "undeliverable", "code": 131026}
    assert counts().split("Undeliverable", "code") == {"131026": [1]}


@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"kind": "status", "status": 500, "code": 131000}, WhatsAppUnavailable),
        ({"kind": "status", "status": 400, "code": 131042}, OperatorNeeded),
        ({"kind": "lost"}, DeliveryUnknown),
    ],
    ids=str,
)
def test_every_other_failure_is_raised(world: OutsideWorld, fault: Any, error: type[Exception]) -> None:
    world.fails("graph", **fault)
    with pytest.raises(error):
        send()
