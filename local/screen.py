"""Draws what a parent sees on the phone, and where the time went."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from rich import box
from rich.align import Align
from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local.parent import Content
from local.say import Outcome, choices

BUBBLE_WIDTH: Final = 62
LABEL_WIDTH: Final = 30
NOTE_WIDTH: Final = 24  # of what went wrong
SHORTEST: Final = 0.0015  # seconds; states that only decide are left out of the waterfall
COLOURS: Final = {
    "front door": "white",
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


# --- bubbles ---------------------------------------------------------------------------------------------------------


def sent_bubble(content: Content) -> RenderableType:
    """The parent's own message, on the right."""
    return Align.right(_bubble(Text(_said(content)), "green"))


def reply_bubble(message: dict[str, Any]) -> RenderableType:
    """One message of ours, on the left, as WhatsApp shows it."""
    body = message["body"]
    parts: list[RenderableType] = []
    kind = body["type"]
    if kind == "text":
        parts.append(formatted(body["text"]["body"]))
    elif kind == "document":
        parts += [_file(body["document"], message), formatted(body["document"].get("caption", ""))]
    elif kind == "interactive":
        interactive = body["interactive"]
        header = interactive.get("header") or {}
        if header.get("type") == "document":
            parts.append(_file(header["document"], message))
        elif header.get("type") == "text":
            parts.append(Text(header["text"], style="bold"))
        parts.append(formatted(interactive["body"]["text"]))
        if interactive.get("footer"):
            parts.append(Text(interactive["footer"]["text"], style="dim"))
        parts += _choices(body)
    elif kind == "reaction":
        return Align.right(Text(f"{body['reaction']['emoji']}  on your message", style="dim"))
    elif kind == "template":
        parts.append(Text(f"[template {body['template']['name']}]"))
    else:
        parts.append(Text(f"[{kind}]"))
    time = datetime.fromtimestamp(message["time"]).astimezone().strftime("%H:%M")
    return _bubble(Group(*parts, Align.right(Text(time, style="dim"))), "white")


def _file(document: dict[str, Any], message: dict[str, Any]) -> RenderableType:
    size = (message.get("document") or {}).get("bytes")
    weight = f"  {size / 1000:.0f} kB" if isinstance(size, int) else ""
    return Panel(f"📄 {document.get('filename', 'document')}{weight}", box=box.ROUNDED, expand=False)


def formatted(words: str) -> Text:
    """WhatsApp's own marks: *bold*, _italic_, ~struck~."""
    text = Text()
    styles = {"*": "bold", "_": "italic", "~": "strike"}
    for part in re.split(r"(?<![^\W_])([*_~](?=\S)[^*_~\n]*[^\s*_~][*_~])(?![^\W_])", words):
        marked = len(part) > 2 and part[0] in styles and part[0] == part[-1]
        text.append(part[1:-1] if marked else part, styles[part[0]] if marked else "")
    return text


def _choices(body: dict[str, Any]) -> Iterable[RenderableType]:
    interactive = body["interactive"]
    if interactive["type"] == "request_contact_info":
        yield Panel(Align.center(Text("Share phone number", style="cyan")), box=box.ROUNDED)
    if interactive["type"] == "list":
        rows = Table(box=box.SIMPLE_HEAD, show_header=True, expand=True, pad_edge=False)
        rows.add_column(Text(f"☰ {interactive['action']['button']}", style="cyan"))
        rows.add_column(Text("row id", style="dim"), justify="right")
        for choice in choices(body):
            title = Text(choice["title"])
            if choice.get("description"):
                title.append("\n" + choice["description"], "dim")
            rows.add_row(title, Text(choice["id"], style="dim"))
        yield rows
    else:
        for choice in choices(body):
            label = Text(choice["title"], style="cyan").append(f"  {choice['id']}", "dim")
            yield Panel(Align.center(label), box=box.ROUNDED)


def _bubble(content: RenderableType, colour: str) -> Panel:
    return Panel(content, width=BUBBLE_WIDTH, box=box.ROUNDED, border_style=colour)


def _said(content: Content) -> str:
    kind = content["type"]
    part = content.get(kind) or {}
    if kind == "text":
        return str(part["body"])
    if kind == "interactive":
        return f"👆 {part[part['type']]['title']}"
    if kind == "reaction":
        return f"{part['emoji']} (reaction)"
    pictures = {"audio": "🎤 voice note", "image": "🖼 image", "sticker": "sticker", "location": "📍 location"}
    caption = part.get("caption", "") if isinstance(part, dict) else ""
    return f"{pictures.get(kind, kind)}  {caption}".rstrip()


# --- the waterfall ---------------------------------------------------------------------------------------------------


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
    """Where the time went, in the order in which things began: front door, queue, states, calls to the outside."""
    found = [Bar("front door", "front door", outcome.sent, outcome.accepted)]
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
        note = "" if call["status"] in (200, 201) else f" ✗ {call['status'] or 'no answer'}"
        found.append(Bar(label, call["service"], call["start"], call["end"], True, note))
    return sorted(found, key=lambda bar: (bar.start, bar.inside))


def waterfall(outcome: Outcome, width: int) -> RenderableType:
    """The bars to scale, with the moments that count for a parent above them."""
    lines = bars(outcome)
    end = max([bar.stop for bar in lines] + ([outcome.replied] if outcome.replied else []))
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
    """The moments that count for a parent, since the message left."""
    told = []
    if outcome.sign_of_life:
        told.append(f"first sign of life {outcome.sign_of_life - outcome.sent:.2f} s")
    if outcome.replied and outcome.waited is not None:
        took = outcome.replied - outcome.sent
        own = took - outcome.waited
        told.append(f"reply {took:.2f} s: {outcome.waited:.2f} s waiting for others, {own:.2f} s our own")
    if outcome.execution and outcome.execution["stop"]:
        told.append(f"all done {outcome.execution['stop'] - outcome.sent:.2f} s")
    return " · ".join(told)


def _milliseconds(seconds: float) -> str:
    return f"{seconds * 1000:,.0f} ms"


def console() -> Console:
    return Console(highlight=False)
