"""Where the time of one run went: webhook, queue, states, calls to services; what was ours and what was others'."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.cli.waterfall import SERVICES, SHORTEST
from local.console.state import ConsoleState

OUTSIDE: Final = ("graph", "school", "openai")  # services of others; the rest runs in our account

Details = Mapping[str, Any]  # of a run, as /executions/<name> has them
Call = Mapping[str, Any]  # as /calls has it


@dataclass(frozen=True)
class Bar:
    """One line; times in seconds since the message was sent."""

    label: str
    kind: str  # webhook, queue, state, others, stores
    start: float
    stop: float
    depth: int = 0
    state: str | None = None  # to click
    note: str = ""
    failed: bool = False
    running: bool = False
    cold_start_ms: float | None = None

    @property
    def seconds(self) -> float:
        return self.stop - self.start


@dataclass(frozen=True)
class Waterfall:
    """All bars, and the sum: `reply` (seconds until the reply; None without one) is `others`, the floor, and `ours`."""

    bars: list[Bar]
    total: float
    reply: float | None
    others: float

    @property
    def ours(self) -> float:
        return (self.reply or 0.0) - self.others

    @property
    def length(self) -> float:
        return max([bar.stop for bar in self.bars] + [0.05])


def waterfall(state: ConsoleState, details: Details, now: float) -> Waterfall:
    """Of a run that may still be running."""
    message_id = details.get("message_id")
    webhook = state.webhooks.get(str(message_id))
    sent: float = webhook[0] if webhook else details.get("sent") or details["start"]
    end: float = details["stop"] or now
    replies = state.running.world("GET", "/outbox", in_reply_to=message_id) if message_id else []
    replies = [reply for reply in replies if message_id in (reply.get("opaque") or "")]
    calls = state.running.world("GET", "/calls", after=sent, before=end)
    own = calls_of(details, calls, {reply["id"] for reply in replies}, end)
    replied = min((float(reply["time"]) for reply in replies), default=None)
    bars = [*_own_bars(details, webhook, sent, end), *_call_bars(own, sent)]
    return Waterfall(
        bars=sorted(bars, key=lambda bar: bar.start),
        total=end - sent,
        reply=replied - sent if replied else None,
        others=covered(own, sent, replied) if replied else 0.0,
    )


def calls_of(details: Details, calls: Iterable[Call], replies: set[str], end: float) -> list[Call]:
    """The calls that belong to this run, as far as can be told while others run; `replies`: ids of its messages."""
    message_id = str(details.get("message_id"))
    tasks = [visit for visit in details["timeline"] if visit.get("function")]
    arguments = " ".join(str(visit.get("arguments")) for visit in tasks)

    def belongs(call: Call) -> bool:
        detail = str(call["detail"])
        if call["operation"] in ("typing", "read"):
            return detail == message_id
        if not any(
            visit["start"] - 0.01 <= call["start"] and call["end"] <= (visit["stop"] or end) + 0.05 for visit in tasks
        ):
            return False
        if (call["service"], call["operation"]) == ("graph", "send"):
            return detail in replies or not detail or call["status"] != 200
        return call["service"] != "school" or not detail or detail.split()[0] in arguments

    return [call for call in calls if belongs(call)]


def covered(calls: Iterable[Call], sent: float, until: float) -> float:
    """Seconds before the reply in which another service was being waited for; the typing indicator does not count."""
    total, place = 0.0, sent
    for call in sorted(calls, key=lambda call: float(call["start"])):
        start, end = max(call["start"], place), min(call["end"], until)
        if call["operation"] != "typing" and end > start:
            total, place = total + end - start, end
    return total


def _own_bars(details: Details, webhook: tuple[float, float] | None, sent: float, end: float) -> Iterator[Bar]:
    """What runs in our account; the shortest states are left out."""
    if webhook:
        yield Bar("webhook", "webhook", 0.0, webhook[1] - sent)
    if details.get("sent"):
        yield Bar("queue", "queue", max(0.0, min(details["sent"], details["start"]) - sent), details["start"] - sent)
    for visit in details["timeline"]:
        stop = visit["stop"] or end
        if stop - visit["start"] < SHORTEST and visit["ok"] and visit["stop"]:
            continue
        attempts = f"{visit['attempts']} attempts" if visit["attempts"] > 1 else ""
        yield Bar(
            visit["name"],
            "state",
            visit["start"] - sent,
            stop - sent,
            depth=1 if visit["inside"] else 0,
            state=visit["name"],
            note=", ".join(filter(None, (attempts, visit["error"]))),
            failed=not visit["ok"],
            running=visit["stop"] is None,
            cold_start_ms=visit.get("cold_start_ms"),
        )


def _call_bars(calls: Iterable[Call], sent: float) -> Iterator[Bar]:
    for call in calls:
        ok = 200 <= call["status"] < 300
        yield Bar(
            f"{SERVICES.get(call['service'], call['service'])}: {call['operation']}",
            "others" if call["service"] in OUTSIDE else "stores",
            max(0.0, call["start"] - sent),
            max(0.0, call["end"] - sent),
            depth=1 if call["operation"] == "typing" else 2,
            note="" if ok else f"HTTP {call['status']}" if call["status"] else "no answer",
            failed=not ok,
        )
