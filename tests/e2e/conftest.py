"""The whole product on this machine, started once: real servers, real function processes, HTTP from end to end."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from typing import Any

import pytest

from local.parent import KINDS, Parent, text
from local.plan import Plan, Ports
from local.send_message import Outcome, send_message, tap
from local.stack import Stack
from local.stack_client import StackClient
from local.world.sample import SampleSchool
from tests.conftest import eventually
from tests.security.log_scanner import Personal, logs_of, scan

TODAY = date(2026, 11, 23)  # a Monday in term 3
BY_SITUATION = {
    "40": "+263772100001",
    "50": "+263772100002",
    "70": "+263772100003",
    "75": "+263772100004",
    "100": "+263772100005",
    "credit": "+263772100006",
    "no fees": "+263772100007",
    "two": "+263772100008",
    "three": "+263772100009",
    "five": "+263772100010",
    "long": "+263772100015",
    "unknown": "+263772100016",
}


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    plan = Plan.create(
        tmp_path_factory.mktemp("stack"),
        Ports.free(),
        profile="zero",
        today=TODAY,
        retry_seconds=4,  # five deliveries outlast a killed primary
        school_api_calls_per_minute=6000,  # its limits have tests of their own
    )
    with Stack(plan) as started:
        yield started
    assert scan(logs_of(plan), Personal.of(SampleSchool.of(plan), plan)) == {}  # whatever the tests have done


@pytest.fixture
def running(stack: Stack) -> Iterator[StackClient]:
    """The stack with nothing wrong and nothing noted."""
    found = StackClient(stack.plan)
    found.world("PUT", "/profile", {"name": "zero"})
    found.world("DELETE", "/faults")
    found.world("DELETE", "/calls")
    yield found
    found.world("DELETE", "/faults")


@dataclass
class Phone:
    """One parent's phone in a test."""

    running: StackClient
    parent: Parent
    last: Outcome | None = None

    def says(self, words: str, *, kind: str = "text", seconds: float = 30, **more: Any) -> str:
        """Send a message; what the reply says, as plain words."""
        content = text(words) if kind == "text" else KINDS[kind](words)
        self.last = send_message(self.running, self.parent, content, seconds=seconds, **more)
        return self.words()

    def taps(self, title: str) -> str:
        content, reply_to = tap(self.running, self.parent, title)
        self.last = send_message(self.running, self.parent, content, reply_to=reply_to, seconds=30)
        return self.words()

    def words(self) -> str:
        """The last reply: body or caption, then the titles of what can be tapped."""
        assert self.last is not None
        return "\n".join(words_of(reply["body"]) for reply in self.last.replies)

    @property
    def states(self) -> list[str]:
        """The states that the last message went through."""
        assert self.last is not None
        assert self.last.execution is not None
        return [state["name"] for state in self.last.execution["timeline"]]

    def state(self, name: str) -> dict[str, Any]:
        """One of them, with its times."""
        assert self.last is not None
        assert self.last.execution is not None
        return next(state for state in self.last.execution["timeline"] if state["name"] == name)

    def calls(self, service: str, *operations: str) -> list[dict[str, Any]]:
        """The calls to a service since the last message was sent."""
        assert self.last is not None
        found = self.running.world("GET", "/calls", after=self.last.sent)
        return [c for c in found if c["service"] == service and (not operations or c["operation"] in operations)]


def uploads(running: StackClient) -> list[dict[str, Any]]:
    """What was written to the bucket, once the world has been told: that comes a moment later."""

    def found() -> list[dict[str, Any]]:
        return [c for c in running.world("GET", "/calls") if (c["service"], c["operation"]) == ("s3", "put")]

    return eventually(found)


def words_of(body: dict[str, Any]) -> str:
    """What a person reads in a WhatsApp message body."""
    if interactive := body.get("interactive"):
        action = interactive["action"]
        rows = [row["title"] for section in action.get("sections", []) for row in section["rows"]]
        buttons = [button["reply"]["title"] for button in action.get("buttons", [])]
        header = interactive.get("header", {}).get("document", {})
        return "\n".join([*filter(None, [header.get("filename")]), interactive["body"]["text"], *rows, *buttons])
    if document := body.get("document"):
        return f"{document['filename']}\n{document['caption']}"
    return str(body.get("text", {}).get("body", ""))


@pytest.fixture
def phone(running: StackClient) -> Callable[..., Phone]:
    """`phone("40")`: the parent of that situation; `phone("+263…")`; `phone(None, "ZW.…")` hides the number."""

    def make(who: str | None, user_id: str | None = None) -> Phone:
        return Phone(running, Parent(BY_SITUATION.get(who or "", who), user_id))

    return make
