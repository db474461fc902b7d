"""What we say, as values: a reply knows nothing of WhatsApp's JSON, only of its limits."""

from dataclasses import dataclass, field
from typing import Final

from functions.domain.documents import StatementDocument

TEXT_LIMIT: Final = 4096
INTERACTIVE_LIMIT: Final = 1024  # body of buttons, lists and contact requests; captions too
BUTTON_TITLE: Final = 20
ROW_TITLE: Final = 24
ROW_DESCRIPTION: Final = 72
MOST_BUTTONS: Final = 3
MOST_ROWS: Final = 10


@dataclass(frozen=True)
class Choice:
    """A row of a list or a button; `id` comes back when it is tapped, months later too, so it carries its version."""

    id: str
    title: str
    description: str = ""


@dataclass(frozen=True)
class Text:
    """Plain words."""

    body: str


@dataclass(frozen=True)
class Buttons:
    """Words with at most three buttons."""

    body: str
    choices: tuple[Choice, ...]


@dataclass(frozen=True)
class Menu:
    """Words with a list to choose from."""

    body: str
    button: str
    choices: tuple[Choice, ...]
    footer: str = ""


@dataclass(frozen=True)
class NumberRequest:
    """Asks the person to share their number with WhatsApp's own button."""

    body: str


@dataclass(frozen=True)
class Reaction:
    """An emoji on the person's own message: an answer that costs nothing."""

    emoji: str
    message_id: str


@dataclass(frozen=True)
class Template:
    """A message that WhatsApp has approved: all that may be sent when the person has not written for 24 hours."""

    name: str
    language: str
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True)
class Document:
    """A file with a caption and perhaps buttons; `instead` is said when WhatsApp refuses the file."""

    filename: str
    caption: str
    instead: str
    file_key: str | None = None  # where it is stored …
    media_id: str | None = None  # … and WhatsApp's id of an earlier upload, tried first
    statement: StatementDocument | None = field(default=None, repr=False)  # … or what is still to be drawn
    choices: tuple[Choice, ...] = ()
    mime_type: str = "application/pdf"  # or of a picture


Reply = Text | Buttons | Menu | NumberRequest | Document | Reaction | Template


def words_of(reply: Reply) -> str:
    """The reply as plain words, for when nothing richer can be sent."""
    match reply:
        case Document():
            return reply.instead
        case Reaction():
            return reply.emoji
        case Template():
            return " ".join(reply.parameters)
        case Menu() | Buttons():
            titles = [choice.title for choice in reply.choices if any(sign.isalnum() for sign in choice.title)]
            lines = [title if title[0].isdigit() else f"• {title}" for title in titles]  # a menu's have their numbers
            return "\n".join([reply.body, "", *lines]).strip()
        case _:
            return reply.body


def length(text: str) -> int:
    """As WhatsApp's limits count at their strictest: UTF-16 units, so that an emoji is two."""
    return len(text) + sum(sign > "\uffff" for sign in text)


def split(text: str, limit: int = TEXT_LIMIT) -> list[str]:
    """Cut a long text at paragraphs, lines or words into parts of at most `limit` units; nothing is lost."""
    parts = []
    rest = text.strip()
    while length(rest) > limit:
        most = _most(rest, limit)
        cut = max(rest.rfind(mark, 1, most) for mark in ("\n\n", "\n"))
        if cut < most // 2:
            cut = max(cut, rest.rfind(" ", 1, most))
        cut = cut if cut > 0 else most
        parts.append(rest[:cut].rstrip())
        rest = rest[cut:].lstrip()
    return [*parts, rest] if rest else parts


def shorten(text: str, limit: int) -> str:
    """A title that fits, with an ellipsis where it had to be cut."""
    return text if length(text) <= limit else text[: _most(text, limit - 1)].rstrip() + "…"


def _most(text: str, limit: int) -> int:
    """How many signs from the start of the text fit into so many units."""
    units = 0
    for place, sign in enumerate(text):
        units += length(sign)
        if units > limit:
            return place
    return len(text)
