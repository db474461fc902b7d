"""Finding what to tap, and what one message caused."""

from pathlib import Path
from typing import Any

import pytest

from local.parent import Parent, button_tap, row_tap
from local.plan import Plan, Ports
from local.send_message import explain_missing_reply, tap
from local.stack_client import Refused, StackClient
from tests.local.messages import BUTTONS, MENU, outcome

TENDAI = Parent("+263772100002")


class Outbox(StackClient):
    """A stack whose outbox is given."""

    def __init__(self, *bodies: dict[str, Any]) -> None:
        self._outbox = [{"id": f"wamid.{n}", "time": 1795420800.0, "body": body} for n, body in enumerate(bodies)]

    def world(self, method: str, path: str, body: Any = None, timeout: float = 30, **query: object) -> Any:
        assert (method, path, query) == ("GET", "/outbox", {"to": "263772100002"})
        return self._outbox


@pytest.mark.parametrize("wanted", ["v1:balance", "1. Fee balance", "fee balance", "FEE BALANCE"])
def test_a_row_is_tapped_by_its_id_or_title(wanted: str) -> None:
    content, reply_to = tap(Outbox(MENU, BUTTONS), TENDAI, wanted)
    assert content == row_tap("v1:balance", "1. Fee balance", "What is owed")
    assert reply_to == "wamid.0"


def test_a_button_is_tapped_in_the_message_that_shows_it() -> None:
    assert tap(Outbox(MENU, BUTTONS), TENDAI, "menu") == (button_tap("v1:menu", "Menu"), "wamid.1")


def test_an_unknown_choice_is_refused_with_the_ones_there_are() -> None:
    with pytest.raises(Refused, match=r"There is no 'refund' to tap; there is: Menu \(v1:menu\), 1. Fee balance"):
        tap(Outbox(MENU, BUTTONS), TENDAI, "refund")
    with pytest.raises(Refused, match="nothing to tap yet"):
        tap(Outbox({"type": "text", "text": {"body": "hi"}}), TENDAI, "menu")


def test_overlapping_calls_count_once_as_external_time() -> None:
    def call(operation: str, start: float, end: float) -> dict[str, Any]:
        return {"service": "school", "operation": operation, "start": start, "end": end, "status": 200}

    calls = [call("typing", 100.0, 101.0), call("payments", 101.0, 101.5), call("billed-fees", 101.1, 101.6)]
    late = call("writer", 102.0, 105.0)  # goes on after the reply at 102.1
    assert outcome(calls=[*calls, late]).external_seconds == pytest.approx(0.6 + 0.1)
    assert outcome(replies=[]).external_seconds is None


class Idle(StackClient):
    """A stack whose queues are given."""

    def __init__(self) -> None:
        self.plan = Plan.create(Path(), Ports.free(), retry_seconds=7)

    def functions(self) -> dict[str, Any]:
        return {"understand": {"start_error": None}}

    def aws(self, method: str, path: str, **query: object) -> Any:
        return {"messages.fifo": {"visible": 2, "in_flight": 1}}


def test_a_missing_reply_is_explained_by_queue_or_execution() -> None:
    stack = Idle()
    (waiting,) = explain_missing_reply(stack, outcome(execution=None))
    assert "messages.fifo: 2 waiting, 1 in flight" in waiting
    failed = dict(outcome().execution or {}) | {"status": "TIMED_OUT", "error": "States.Timeout", "receive_count": 3}
    lines = explain_missing_reply(stack, outcome(execution=failed))
    assert "timed out (States.Timeout): Understand" in lines[0]
    assert lines[-1] == "Tried 3 times; the queue delivers it again every 7 s."
    (unanswered,) = explain_missing_reply(stack, outcome())
    assert unanswered.startswith("The execution ended without a reply: Understand")
