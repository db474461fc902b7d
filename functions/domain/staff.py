"""The commands that staff of the school may write to the assistant, and how one is read."""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Final

from functions.domain import intents
from functions.domain.errors import InvalidRequest
from functions.domain.intents import Intent
from functions.domain.messages import Message


@dataclass(frozen=True)
class Form:
    """How one command is written, and what it does."""

    example: str  # {prefix}: of the school's student ids; {term}: a code such as 2026-3
    purpose: str
    rest: str = ""  # pattern of what follows the name, with the groups `about` and `words`


_NUMBER: Final = r"#?(?P<about>[0-9]{1,9})"
_PASS: Final = r"(?P<about>GP-20[0-9]{2}-[1-9]-[0-9]{1,12})"
_WORDS: Final = r"[\s:,.]+(?P<words>\S.*)"

# Adding a command: a line here, its use case in `services/staff/`, its words in `staff_wording.py`.
FORMS: Final[Mapping[str, Form]] = {
    "requests": Form("requests", "what parents are waiting for, urgent ones first, then the oldest"),
    "reply": Form("reply 12 Your words", "write to the parent of request 12", _NUMBER + _WORDS),
    "close": Form("close 12", "request 12 is done: I answer that parent again", rf"(?:(?:request\s+)?{_NUMBER})?"),
    "passes": Form("passes {prefix}20251234", "the gate passes of a student", r"(?P<about>[A-Z]{1,8}\s?[0-9]{1,20})"),
    "revoke": Form(
        "revoke GP-{term}-000123 Your reason",
        "a gate pass is not valid any more, and there is no new one",
        _PASS + _WORDS,
    ),
    "allow": Form("allow GP-{term}-000123", "after a revocation: the parent may have a new gate pass", _PASS),
    "problems": Form("problems", "students whose record I cannot use, and what to put right"),
    "today": Form("today", "messages, answers, hand-overs and apologies since midnight"),
    "help": Form("help", "this list"),
}
_ALIASES: Final[Mapping[str, str]] = {"closed": "close", "done": "close"}


@dataclass(frozen=True)
class Command:
    """What a member of staff wants done."""

    name: str  # of FORMS
    about: str | None = None  # number of a request or of a pass, or a student id
    words: str | None = None  # for the parent; or the reason
    is_complete: bool = True  # False: something is missing, and the form is shown

    def as_json(self) -> dict[str, object]:
        return asdict(self)

    @classmethod
    def read(cls, value: object) -> "Command | None":
        """From `as_json`; None for None. InvalidRequest names the field."""
        if value is None:
            return None
        if not isinstance(value, Mapping) or value.get("name") not in FORMS:
            raise InvalidRequest("command.name", "one of " + ", ".join(FORMS))
        complete = bool(value.get("is_complete", True))
        return cls(value["name"], value.get("about"), value.get("words"), complete)


def command_in(message: Message) -> Command | None:
    """The command that a message holds; None for any other message, which staff may write too.

    The name must come first. With a digit or nothing behind it, it is a command that lacks something, not a sentence.
    """
    if message.tap:
        tapped = intents.read_tap(message.tap)
        return Command("close", tapped.entry) if tapped and tapped.intent == Intent.CLOSE else None
    if message.type != "text":
        return None
    first, *others = (message.text or "").strip().split(maxsplit=1)[:2] or [""]
    name = first.casefold().strip("*_.,:!")
    name = _ALIASES.get(name, name)
    if name not in FORMS:
        return None
    rest = others[0].strip() if others else ""
    found = re.fullmatch(FORMS[name].rest, rest if "words" in FORMS[name].rest else rest.rstrip(".! "), re.I | re.S)
    if found is None:
        is_sentence = bool(rest) and not any(sign.isdigit() for sign in rest)
        return None if is_sentence else Command(name, is_complete=False)
    groups = found.groupdict()
    about = "".join((groups.get("about") or "").split()).upper()
    return Command(name, about or None, groups.get("words"))
