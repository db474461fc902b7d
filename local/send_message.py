"""Sends a message as a parent would, and collects the replies, the execution and the calls that it caused."""

import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from local.http_client import request
from local.parent import Content, Parent, button_tap, new_message_id, row_tap
from local.stack_client import Refused, StackClient
from local.world.webhooks import encode, signature

REPLY_SECONDS: Final = 30.0
SETTLE_SECONDS: Final = 5.0  # to wait for the states after the reply


@dataclass(frozen=True)
class Outcome:
    """What one message caused. Times are Unix seconds."""

    message_id: str
    sent: float  # the webhook request began
    accepted: float  # the webhook request was answered
    status: int  # HTTP status of that answer
    replies: list[dict[str, Any]] = field(default_factory=list)  # as in /outbox
    execution: dict[str, Any] | None = None  # as in /executions, the latest
    calls: list[dict[str, Any]] = field(default_factory=list)  # as in /calls

    @property
    def replied_at(self) -> float | None:
        """When WhatsApp accepted the first reply."""
        return self.replies[0]["time"] if self.replies else None

    @property
    def typing_at(self) -> float | None:
        """When WhatsApp accepted the typing indicator."""
        typing = (call for call in self.calls if (call["service"], call["operation"]) == ("graph", "typing"))
        return min((call["end"] for call in typing if call["status"] == 200), default=None)

    @property
    def external_seconds(self) -> float | None:
        """Time before the reply in which a call to another service was under way; overlapping calls count once.

        The typing indicator does not count, since nothing waits for it.
        """
        if self.replied_at is None:
            return None
        total, until = 0.0, self.sent
        for call in sorted(self.calls, key=lambda call: call["start"]):
            start, end = max(call["start"], until), min(call["end"], self.replied_at)
            if call["operation"] != "typing" and end > start:
                total, until = total + end - start, end
        return total


def send_message(
    running: StackClient,
    parent: Parent,
    content: Content,
    *,
    reply_to: str | None = None,
    message_id: str | None = None,
    seconds: float = REPLY_SECONDS,
) -> Outcome:
    """Send one signed webhook body and wait for the reply, at most `seconds`; without a reply, `replies` is empty."""
    message_id = message_id or new_message_id()
    raw = encode(parent.webhook_body(content, message_id, reply_to))
    running.world("POST", "/inbound", {"from": parent.phone} if parent.phone else {"user_id": parent.bsuid})
    sent = time.time()
    status, _ = post_webhook(running, raw)
    accepted = time.time()
    if status != 200 or seconds <= 0:
        return Outcome(message_id, sent, accepted, status)
    query: dict[str, Any] = {"to": parent.address, "after": sent, "in_reply_to": message_id}
    found = running.world("GET", "/outbox", timeout=seconds + 10, wait=seconds, **query)
    execution = _finished(running, message_id) if found else _latest(running, message_id)
    if found:
        found = running.world("GET", "/outbox", **query)  # a long reply has several parts
    until = execution["stop"] if execution and execution["stop"] else time.time()
    calls = [call for call in running.world("GET", "/calls", after=sent) if sent <= call["start"] <= until]
    return Outcome(message_id, sent, accepted, status, found, execution, calls)


def post_webhook(running: StackClient, raw: bytes) -> tuple[int, bytes]:
    """Send one signed webhook body; status and body of the answer."""
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "facebookexternalua",
        "X-Hub-Signature-256": signature(raw, running.plan.app_secret),
    }
    return request("POST", f"{running.plan.public_url}/webhook", raw, headers, timeout=35)


def tap(running: StackClient, parent: Parent, wanted: str) -> tuple[Content, str]:
    """The tap on a row or button of the latest messages, found by id or title; and the id of its message."""
    offered: list[str] = []
    for message in reversed(running.world("GET", "/outbox", to=parent.address)):
        for choice in choices(message["body"]):
            if _normalised(wanted) in (choice["id"].casefold(), _normalised(choice["title"])):
                make = row_tap if message["body"]["interactive"]["type"] == "list" else button_tap
                return make(**_tap_fields(choice)), message["id"]
            offered.append(f"{choice['title']} ({choice['id']})")
    if not offered:
        raise Refused("There is nothing to tap yet: send this parent's first message, such as hi")
    raise Refused(f"There is no {wanted!r} to tap; there is: " + ", ".join(dict.fromkeys(offered)))


def choices(body: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of a list or buttons of a message: id, title, perhaps description."""
    interactive = body.get("interactive") or {}
    action = interactive.get("action") or {}
    if interactive.get("type") == "list":
        return [row for section in action.get("sections", ()) for row in section["rows"]]
    return [button["reply"] for button in action.get("buttons", ())]


def _normalised(title: str) -> str:
    """Without number and case: "1. Fee balance" becomes "fee balance"."""
    return re.sub(r"^\d+\.\s*", "", title).strip().casefold()


def _tap_fields(choice: Mapping[str, str]) -> dict[str, str]:
    given = {"choice": choice["id"], "title": choice["title"]}
    return given | ({"description": choice["description"]} if choice.get("description") else {})


def save_documents(running: StackClient, outcome: Outcome, folder: Path) -> list[Path]:
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


def explain_missing_reply(running: StackClient, outcome: Outcome) -> list[str]:
    """Why there was no reply, as far as the stack can tell."""
    if outcome.status != 200:
        return [f"The webhook answered {outcome.status}: the message was not accepted."]
    broken = {name: about["start_error"] for name, about in running.functions().items() if about["start_error"]}
    known = [f"Function {name} cannot start: {error['errorMessage']}" for name, error in broken.items()]
    return [*known, *_about_execution(running, outcome)]


def _about_execution(running: StackClient, outcome: Outcome) -> list[str]:
    run = outcome.execution
    if run is None:
        counts = ", ".join(
            f"{name}: {queue['visible']} waiting, {queue['in_flight']} in flight"
            for name, queue in running.aws("GET", "/queues").items()
        )
        return [f"The message was accepted, but no execution has started for it. Queues: {counts}."]
    states = " → ".join(state["name"] for state in run["timeline"])
    if run["status"] == "RUNNING":
        return [f"The execution is still running ({time.time() - run['start']:.1f} s so far): {states}"]
    if run["status"] == "SUCCEEDED":
        return [f"The execution ended without a reply: {states}"]
    reasons = [f"The execution {run['status'].lower().replace('_', ' ')} ({run['error']}): {states}"]
    if run["cause"]:
        reasons.append(f"Cause: {run['cause'][:400]}")
    attempts = run.get("receive_count", 1)
    times = "once" if attempts == 1 else f"{attempts} times"
    return [*reasons, f"Tried {times}; the queue delivers it again every {running.plan.retry_seconds} s."]


def _latest(running: StackClient, message_id: str) -> dict[str, Any] | None:
    return next(iter(running.executions(message_id)), None)


def _finished(running: StackClient, message_id: str) -> dict[str, Any] | None:
    """The run once it has ended, since states go on after the reply."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        run = _latest(running, message_id)
        if (run and run["status"] != "RUNNING") or time.monotonic() > deadline:
            return run
        time.sleep(0.02)
