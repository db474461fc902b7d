"""One request taken apart: what the model was told, about whom, what was said before, and the message."""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from functools import cached_property
from typing import Any, Final

from functions.domain.terms import Calendar, Term

_ORDERS: Final = re.compile(
    r"\b(you are (?:an?|the|\w+, the)\b|your (?:answer|reply|task)|answer (?:only|in|from)|reply (?:only|in|with)|"
    r"never|do not|don't|must not|instructions?|ignore|assistant named|the parent(?:'s)? (?:message|question))\b",
    re.IGNORECASE,
)
_TAGGED: Final = re.compile(r"<(\w*(?:question|message)\w*)[^>]*>(.*?)</\1>", re.DOTALL | re.IGNORECASE)
_LABELLED: Final = re.compile(
    r"^\W*(?:(?:the )?(?:parent|visitor|user)(?:'s)? )?(?:question|message|asks?)\W*:\s*(.+)\Z",
    re.DOTALL | re.IGNORECASE | re.MULTILINE,
)
_SECTION: Final = re.compile(r"^# ([A-Z][^\n]*)\n(.*?)(?=^# |\Z)", re.DOTALL | re.MULTILINE)
_CHILD: Final = re.compile(r"^(\d+)\. (.+)$", re.MULTILINE)
_TURN: Final = re.compile(r"<turn>\nparent: (.*)\nreply: (.*)(?:\ntext: (.*))?\n</turn>")
_TERM: Final = re.compile(r"^(20\d\d-\d)\b.*?: (\d{1,2} \w+ \d{4}) to (\d{1,2} \w+ \d{4})", re.MULTILINE)
_TODAY: Final = re.compile(r"^(?:Today is )?\w+day, (\d{1,2} \w+ \d{4})\.", re.MULTILINE)
_EMAIL: Final = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")


@dataclass(frozen=True)
class Earlier:
    """One turn of the conversation before."""

    asked: str
    kind: str
    text: str


@dataclass(frozen=True)
class Prompt:
    """One request."""

    given: str  # instructions and material
    question: str

    @classmethod
    def of(cls, request: dict[str, Any]) -> "Prompt":
        """From the body of a Responses call: the last user text is the question, all before it is given."""
        given = [str(request.get("instructions") or "")]
        question = ""
        items = request["input"]
        if isinstance(items, str):
            question = items
        else:
            turns = [(item.get("role"), _text_of(item.get("content"))) for item in items]
            last = max((n for n, (role, _) in enumerate(turns) if role == "user"), default=-1)
            question = turns[last][1] if last >= 0 else ""
            given += [text for n, (_, text) in enumerate(turns) if n != last]
        material, question = _split(question)
        return cls("\n\n".join([*given, material]).strip(), question.strip())

    @cached_property
    def sections(self) -> dict[str, str]:
        """Heading -> text below it."""
        return {match[1]: match[2].strip() for match in _SECTION.finditer(self.given)}

    @cached_property
    def children(self) -> dict[int, str]:
        """Number -> name of the sender's children."""
        listed = next((text for name, text in self.sections.items() if name.startswith("CHILDREN")), "")
        return {int(number): name.strip() for number, name in _CHILD.findall(listed)}

    @cached_property
    def earlier(self) -> tuple[Earlier, ...]:
        listed = next((text for name, text in self.sections.items() if name.startswith("EARLIER")), "")
        return tuple(Earlier(*found) for found in _TURN.findall(listed))

    @cached_property
    def passages(self) -> tuple[str, ...]:
        """The material in pieces that can each be an answer, orders to the model left out."""
        return tuple(_passages(self.sections.get("KNOWLEDGE") or self.given))

    @cached_property
    def calendar(self) -> Calendar | None:
        terms = [Term(_date(begins), _date(ends), code) for code, begins, ends in _TERM.findall(self.given)]
        return Calendar.of(terms) if terms else None

    @cached_property
    def today(self) -> date:
        found = _TODAY.search(self.given)
        if found:
            return _date(found[1])
        return self.calendar.terms[-1].begins if self.calendar else date(2026, 1, 1)

    @property
    def email(self) -> str:
        """The office's, as far as it was given."""
        found = _EMAIL.search(self.sections.get("OFFICE") or self.given)
        return found[0] if found else ""


def _date(text: str) -> date:
    return datetime.strptime(text, "%d %B %Y").date()  # noqa: DTZ007 - a day


def _text_of(content: Any) -> str:
    if isinstance(content, str):
        return content
    return "\n".join(part.get("text", "") for part in content or () if isinstance(part, dict))


def _split(text: str) -> tuple[str, str]:
    """(material, question) of the last user text: a tag, a label or a JSON key may mark the question."""
    if tagged := list(_TAGGED.finditer(text)):
        last = tagged[-1]
        return text[: last.start()] + text[last.end() :], last[2]
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict):
        for key in ("question", "message", "text"):
            if isinstance(value.get(key), str):
                return json.dumps({name: rest for name, rest in value.items() if name != key}), value[key]
    if labelled := _LABELLED.search(text):
        return text[: labelled.start()], labelled[1]
    return "", text


def _passages(given: str) -> Iterable[str]:
    for block in re.split(r"\n\s*\n", given):
        for piece in _pieces(block.strip()):
            if piece and not _ORDERS.search(piece):
                yield piece


def _pieces(block: str) -> Iterable[str]:
    if whole := _from_json(block):
        yield from whole
        return
    heading, *rest = block.splitlines() or [""]
    if rest and len(heading) < 70 and not heading.startswith(("-", "*", "•")) and not heading.endswith(":"):
        yield block  # a title and its text
        return
    piece: list[str] = []
    for line in rest if heading.endswith(":") and rest else [heading, *rest]:
        if piece and re.match(r"[-*] |[^•:]{2,60}: ", line):
            yield "\n".join(piece)
            piece = []
        piece += _from_json(line) or [line.strip()]
    yield "\n".join(piece)


def _from_json(text: str) -> list[str]:
    match = re.search(r"[\[{].*[\]}]", text, re.DOTALL)
    if not match:
        return []
    try:
        value = json.loads(match[0])
    except ValueError:
        return []
    rows = value if isinstance(value, list) else list(value.values()) if _only_rows(value) else [value]
    return [_row(row) for row in rows]


def _only_rows(value: Any) -> bool:
    return isinstance(value, dict) and bool(value) and all(isinstance(item, dict) for item in value.values())


def _row(row: Any) -> str:
    if isinstance(row, dict) and "answer" in row:
        return f"{row.get('title', '')}\n{row['answer']}"
    if isinstance(row, dict):
        return ", ".join(f"{key}: {value}" for key, value in row.items())
    return str(row)
