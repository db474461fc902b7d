"""Sends one message as a parent would, and finds out what came of it."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from local.parent import Content, Parent, button_tap, new_message_id, row_tap
from local.running import Refused, Running, request
from local.world.webhooks import encode, signature

ANSWER_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 5.0  # for the work after the reply, so that the waterfall is whole


@dataclass(frozen=True)
class Outcome:
    """What came of one message. Times are Unix seconds."""

    message_id: str
    sent: float  # the webhook left here
    accepted: float  # the front door had answered
    status: int  # what it answered
    replies: list[dict[str, Any]] = field(default_factory=list)  # as in /outbox
    execution: dict[str, Any] | None = None  # as in /executions, the latest
    calls: list[dict[str, Any]] = field(default_factory=list)  # as in /calls

    @property
    def replied(self) -> float | None:
        """When WhatsApp accepted the (first) reply."""
        return self.replies[0]["time"] if self.replies else None

    @property
    def sign_of_life(self) -> float | None:
        """When WhatsApp accepted the typing indicator."""
        typing = (call for call in self.calls if (call["service"], call["operation"]) == ("graph", "typing"))
        return min((call["end"] for call in typing if call["status"] == 200), default=None)

    @property
    def waited(self) -> float | None:
        """Seconds before the reply in which a call to the outside was under way: what no code of ours can shorten.

        The typing indicator does not count: nothing waits for it.
        """
        if self.replied is None:
            return None
        total, until = 0.0, self.sent
        for call in sorted(self.calls, key=lambda call: call["start"]):
            start, end = max(call["start"], until), min(call["end"], self.replied)
            if call["operation"] != "typing" and end > start:
                total, until = total + end - start, end
        return total


def say(
    running: Running,
    parent: Parent,
    content: Content,
    *,
    answers: str | None = None,
    message_id: str | None = None,
    seconds: float = ANSWER_SECONDS,
) -> Outcome:
    """Send one signed webhook body and wait for the reply, at most `seconds`; without one, `replies` is empty."""
    message_id = message_id or new_message_id()
    raw = encode(parent.writes(content, message_id, answers))
    running.world("POST", "/inbound", {"from": parent.phone} if parent.phone else {"user_id": parent.bsuid})
    sent = time.time()
    status, _ = post(running, raw)
    accepted = time.time()
    if status != 200 or seconds <= 0:
        return Outcome(message_id, sent, accepted, status)
    look: dict[str, Any] = {"to": parent.address, "after": sent, "in_reply_to": message_id}
    found = running.world("GET", "/outbox", timeout=seconds + 10, wait=seconds, **look)
    execution = _finished(running, message_id) if found else _latest(running, message_id)
    if found:
        found = running.world("GET", "/outbox", **look)  # a long answer has several parts
    until = execution["stop"] if execution and execution["stop"] else time.time()
    calls = [call for call in running.world("GET", "/calls", after=sent) if sent <= call["start"] <= until]
    return Outcome(message_id, sent, accepted, status, found, execution, calls)


def post(running: Running, raw: bytes) -> tuple[int, bytes]:
    """One webhook body to the front door, signed."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
        "X-Hub-Signature-256": signature(raw, running.plan.app_secret),
    }
    return request("POST", f"{running.plan.public_url}/webhook", raw, headers, timeout=35)


def tap(running: Running, parent: Parent, wanted: str) -> tuple[Content, str]:
    """The tap on a row or button that the parent was last shown, by id or title; and the message that it is in."""
    offered: list[str] = []
    for message in reversed(running.world("GET", "/outbox", to=parent.address)):
        for choice in choices(message["body"]):
            if _plain(wanted) in (choice["id"].casefold(), _plain(choice["title"])):
                make = row_tap if message["body"]["interactive"]["type"] == "list" else button_tap
                return make(**_tapped(choice)), message["id"]
            offered.append(f"{choice['title']} ({choice['id']})")
    if not offered:
        raise Refused("This parent was not shown anything to tap yet: say something first, such as hi")
    raise Refused(f"Nothing called {wanted!r} to tap; there was: " + ", ".join(dict.fromkeys(offered)))


def choices(body: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of a list or buttons of a message: id, title, perhaps description."""
    interactive = body.get("interactive") or {}
    action = interactive.get("action") or {}
    if interactive.get("type") == "list":
        return [row for section in action.get("sections", ()) for row in section["rows"]]
    return [button["reply"] for button in action.get("buttons", ())]


def _plain(title: str) -> str:
    """Without the number before it and the case: "1. Fee balance" is tapped as "fee balance"."""
    return re.sub(r"^\d+\.\s*", "", title).strip().casefold()


def _tapped(choice: Mapping[str, str]) -> dict[str, str]:
    given = {"choice": choice["id"], "title": choice["title"]}
    return given | ({"description": choice["description"]} if choice.get("description") else {})


def save_documents(running: Running, outcome: Outcome, folder: Path) -> list[Path]:
    """The files of the replies, as the parent would keep them."""
    saved = []
    for reply in outcome.replies:
        document = reply.get("document")
        if document and document.get("link"):
            _, content = request("GET", document["link"])
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / Path(document["filename"] or reply["id"]).name
            path.write_bytes(content)
            saved.append(path)
    return saved


def explain(running: Running, outcome: Outcome) -> list[str]:
    """Why there was no reply, as far as the stack can tell."""
    if outcome.status != 200:
        return [f"The front door answered {outcome.status}: the message was not taken."]
    broken = {name: about["start_error"] for name, about in running.functions().items() if about["start_error"]}
    known = [f"Function {name} cannot start: {error['errorMessage']}" for name, error in broken.items()]
    return [*known, *_about_execution(running, outcome)]


def _about_execution(running: Running, outcome: Outcome) -> list[str]:
    run = outcome.execution
    if run is None:
        counts = ", ".join(
            f"{name}: {queue['visible']} waiting, {queue['in_flight']} in hand"
            for name, queue in running.aws("GET", "/queues").items()
        )
        return [f"The message was taken, but no conversation has begun for it. Queues: {counts}."]
    states = " → ".join(state["name"] for state in run["timeline"])
    if run["status"] == "RUNNING":
        return [f"The conversation still runs ({time.time() - run['start']:.1f} s so far): {states}"]
    if run["status"] == "SUCCEEDED":
        return [f"The conversation ended without a reply: {states}"]
    why = [f"The conversation {run['status'].lower().replace('_', ' ')} ({run['error']}): {states}"]
    if run["cause"]:
        why.append(f"Cause: {run['cause'][:400]}")
    tries = run.get("receive_count", 1)
    times = "once" if tries == 1 else f"{tries} times"
    return [*why, f"Tried {times}; the queue offers it again every {running.plan.retry_seconds} s."]


def _latest(running: Running, message_id: str) -> dict[str, Any] | None:
    return next(iter(running.executions(message_id)), None)


def _finished(running: Running, message_id: str) -> dict[str, Any] | None:
    """The run once it has ended: what comes after the reply belongs to the picture."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        run = _latest(running, message_id)
        if (run and run["status"] != "RUNNING") or time.monotonic() > deadline:
            return run
        time.sleep(0.02)
