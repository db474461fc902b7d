"""One reply, or its approved template once WhatsApp's 24-hour window is closed."""

from typing import Any

import pytest

from functions import dependencies
from functions.domain.errors import WhatsAppUnavailable
from functions.domain.people import Kind, Person
from functions.domain.replies import Template, Text
from tests.conftest import Counts, OutsideWorld

pytestmark = pytest.mark.usefixtures("world", "secrets")

RUDO = Person(Kind.REGISTERED, "+263772100001", None)
WORDS, TEMPLATE = Text("Hello"), Template("reopen", "en")
CLOSED = {"kind": "status", "status": 400, "code": 131047, "operation": "send"}


@pytest.fixture(autouse=True)
def approved(world: OutsideWorld) -> Any:
    """Meta knows the template."""
    world.page("PUT", "/templates", {"reopen": {"language": "en", "parameters": 0}})
    yield
    world.page("PUT", "/templates", {})


def send(reply: Text | None = WORDS, template: Template | None = TEMPLATE) -> dict[str, Any]:
    return dependencies.outbound().send(reply, template, RUDO, "wamid.1")


def kinds(world: OutsideWorld) -> list[str]:
    return [message["body"]["type"] for message in world.outbox()]


def test_within_24_hours_the_reply_is_sent(world: OutsideWorld, counts: Counts) -> None:
    assert send()["status"] == "sent"
    assert kinds(world) == ["text"]
    assert counts().total("RepliesAccepted") == 1


def test_when_the_window_is_closed_the_template_is_sent(world: OutsideWorld) -> None:
    world.fails("graph", **CLOSED, times=1)
    assert send()["status"] == "sent"
    assert kinds(world) == ["template"]


def test_when_the_window_is_closed_and_no_template_is_approved_nobody_is_reached(
    world: OutsideWorld, counts: Counts
) -> None:
    world.fails("graph", **CLOSED)
    assert send(template=None) == {"status": "undeliverable", "code": 131047}
    assert len(world.calls("graph")) == 1
    assert counts().split("Undeliverable", "code") == {"131047": [1]}


def test_a_template_that_is_refused_is_not_sent_again(world: OutsideWorld) -> None:
    world.fails("graph", **CLOSED)
    assert dependencies.outbound().send(TEMPLATE, TEMPLATE, RUDO, "wamid.1")["status"] == "undeliverable"
    assert len(world.calls("graph")) == 1


def test_without_a_reply_only_the_template_may_be_sent(world: OutsideWorld) -> None:
    assert send(reply=None, template=None) == {"status": "undeliverable", "code": 131047}
    assert world.calls("graph") == []


def test_another_failure_is_raised_and_no_template_follows(world: OutsideWorld) -> None:
    world.fails("graph", kind="status", status=500, code=131000)
    with pytest.raises(WhatsAppUnavailable):
        send()
    assert world.outbox() == []
