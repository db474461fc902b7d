"""WhatsApp's text formatting as HTML."""

import re
from typing import Final

from markupsafe import Markup, escape

STYLES: Final = {"*": "strong", "_": "em", "~": "s"}
MARKED: Final = re.compile(r"(?<![^\W_])([*_~])(?=\S)((?:(?!\1)[^\n])*(?!\1)\S)\1(?![^\W_])")
MONOSPACE: Final = re.compile(r"```(.+?)```", re.DOTALL)
LINK: Final = re.compile(r"https?://[^\s<]+[^\s<.,;:!?)]")
ITEM: Final = re.compile(r"^(?:[-*•]) (.+)$")
NUMBERED: Final = re.compile(r"^(\d{1,2})[.)] (.+)$")
QUOTE: Final = re.compile(r"^> ?(.*)$")


def to_html(text: str) -> Markup:
    """Bold, italic, strikethrough, monospace, lists, quotes and links."""
    parts: list[Markup] = []
    for index, part in enumerate(MONOSPACE.split(text)):
        parts.append(Markup("<code>{}</code>").format(part) if index % 2 else _blocks(part))
    return Markup("").join(parts)


def _blocks(text: str) -> Markup:
    """Lines as paragraphs, bullets and quotes."""
    found: list[Markup] = []
    for line in text.split("\n"):
        if match := ITEM.match(line):
            found.append(Markup('<span class="item"><i aria-hidden="true">•</i><span>{}</span></span>').format(
                _inline(match[1])
            ))  # fmt: skip
        elif match := NUMBERED.match(line):
            found.append(Markup('<span class="item"><i>{}.</i><span>{}</span></span>').format(
                match[1], _inline(match[2])
            ))  # fmt: skip
        elif match := QUOTE.match(line):
            found.append(Markup('<span class="quote">{}</span>').format(_inline(match[1])))
        else:
            found.append(Markup('<span class="line">{}</span>').format(_inline(line) or Markup("&nbsp;")))
    return Markup("").join(found)


def _inline(text: str) -> Markup:
    result = Markup("")
    place = 0
    for match in MARKED.finditer(text):
        tag = STYLES[match[1]]
        result += _links(text[place : match.start()])
        result += Markup(f"<{tag}>") + _inline(match[2]) + Markup(f"</{tag}>")  # noqa: S704  # the tag is ours
        place = match.end()
    return result + _links(text[place:])


def _links(text: str) -> Markup:
    result = Markup("")
    place = 0
    for match in LINK.finditer(text):
        result += escape(text[place : match.start()])
        result += Markup('<a href="{0}" target="_blank" rel="noreferrer">{0}</a>').format(match[0])
        place = match.end()
    return result + escape(text[place:])


def plain(text: str, length: int = 80) -> str:
    """One line without marks, for lists."""
    line = " ".join(MARKED.sub(r"\2", text).split())
    return line if len(line) <= length else line[: length - 1].rstrip() + "…"
