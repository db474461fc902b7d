"""Draws where the time of one message went: webhook, queue, states, calls to other services."""

from dataclasses import dataclass
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from local.send_message import Outcome

LABEL_WIDTH: Final = 30
NOTE_WIDTH: Final = 24  # of an error
SHORTEST: Final = 0.0015  # seconds; shorter states, such as choices, are left out
COLOURS: Final = {
    "webhook": "white",
    "queue": "white",
    "state": "cyan",
    "graph": "green",
    "school": "yellow",
    "openai": "magenta",
    "database": "blue",
    "secrets": "red",
    "s3": "red",
}
SERVICES: Final = {
    "graph": "WhatsApp",
    "school": "school API",
    "openai": "OpenAI",
    "secrets": "Secrets Manager",
    "s3": "S3",
}


@dataclass(frozen=True)
class Bar:
    """One line of the waterfall. Times are Unix seconds."""

    label: str
    kind: str
    start: float
    stop: float
    inside: bool = False
    note: str = ""


def bars(outcome: Outcome) -> list[Bar]:
    """Webhook, queue, states and calls, in the order of their starts."""
    found = [Bar("webhook", "webhook", outcome.sent, outcome.accepted)]
    run = outcome.execution
    if run:
        if run.get("sent"):
            found.append(Bar("queue", "queue", min(run["sent"], run["start"]), run["start"]))
        for state in run["timeline"]:
            stop = state["stop"] or run["stop"] or state["start"]
            if stop - state["start"] >= SHORTEST:
                note = "" if state["ok"] else f" ✗ {str(state['error'])[:NOTE_WIDTH]}"
                found.append(Bar(state["name"], "state", state["start"], stop, bool(state["inside"]), note))
    for call in outcome.calls:
        label = f"{SERVICES.get(call['service'], call['service'])}: {call['operation']}"
        note = "" if call["status"] in (200, 201) else f" ✗ {call['status'] or 'no response'}"
        found.append(Bar(label, call["service"], call["start"], call["end"], True, note))
    return sorted(found, key=lambda bar: (bar.start, bar.inside))


def waterfall(outcome: Outcome, width: int) -> RenderableType:
    """The bars to scale, below the times that matter to a parent."""
    lines = bars(outcome)
    end = max([bar.stop for bar in lines] + ([outcome.replied_at] if outcome.replied_at else []))
    length = max(end - outcome.sent, 0.001)
    notes = [Text(_milliseconds(bar.stop - bar.start) + bar.note, style="red" if bar.note else "") for bar in lines]
    room = max(10, width - LABEL_WIDTH - max(len(note) for note in notes) - 3)
    table = Table(box=None, padding=(0, 1, 0, 0), show_header=False)
    table.add_column(width=LABEL_WIDTH, no_wrap=True, overflow="ellipsis")
    table.add_column(width=room, no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    for bar, note in zip(lines, notes, strict=True):
        left = min(room - 1, max(0, int((bar.start - outcome.sent) / length * room)))
        cells = max(1, min(room - left, round((bar.stop - bar.start) / length * room)))
        colour = COLOURS.get(bar.kind, "white")
        drawn = Text(" " * left).append("▂" * cells if bar.inside else "█" * cells, colour)
        label = Text(("  " if bar.inside else "") + bar.label, style="dim" if bar.kind in SERVICES else "")
        table.add_row(label, drawn, note)
    return Group(Text(summary(outcome), style="bold"), table)


def summary(outcome: Outcome) -> str:
    """The times that matter to a parent, since the message was sent."""
    parts = []
    if outcome.typing_at:
        parts.append(f"typing indicator {outcome.typing_at - outcome.sent:.2f} s")
    if outcome.replied_at and outcome.external_seconds is not None:
        total = outcome.replied_at - outcome.sent
        own = total - outcome.external_seconds
        parts.append(f"reply {total:.2f} s: {outcome.external_seconds:.2f} s in other services, {own:.2f} s in ours")
    if outcome.execution and outcome.execution["stop"]:
        parts.append(f"all done {outcome.execution['stop'] - outcome.sent:.2f} s")
    return " · ".join(parts)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"
