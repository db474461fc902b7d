"""Draws messages as a phone shows them."""

import re
from collections.abc import Iterable
from datetime import datetime
from typing import Any, Final

from rich import box
from rich.align import Align
from rich.console import Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from local.parent import Content
from local.send_message import choices

BUBBLE_WIDTH: Final = 62


def sent_bubble(content: Content) -> RenderableType:
    """A message of the parent, on the right."""
    return Align.right(_bubble(Text(_summary(content)), "green"))


def reply_bubble(message: dict[str, Any]) -> RenderableType:
    """A message of the product, on the left."""
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
    """WhatsApp's formatting: *bold*, _italic_, ~strikethrough~."""
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


def _summary(content: Content) -> str:
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
