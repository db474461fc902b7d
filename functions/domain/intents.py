"""What a message asks for. Known without a model and without a database, so it still works when they are down."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from functions.domain.deliveries import rating_of
from functions.domain.errors import InvalidRequest
from functions.domain.parts import NAME, SURNAME, TERM, Divided, Part, divide
from functions.domain.people import Student
from functions.domain.phrases import Phrases
from functions.domain.terms import Calendar
from functions.domain.words import plain, tokens


class Intent(Enum):
    """The things a parent can want."""

    MENU = "menu"
    BALANCE = "balance"
    STATEMENT = "statement"
    EXPLAIN = "explain"  # why the balance is what it is; only the model understands it
    GATE_PASS = "gate_pass"
    ASK = "ask"  # "I want to ask something"
    QUESTION = "question"  # the question itself, and everything that the rules are not certain of
    OFFICE = "office"
    INFO = "info"  # a piece of the school's knowledge, by the visitor's menu
    THANKS = "thanks"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    PROOF = "proof"  # a picture or document that may be a proof of payment; `entry` names the file
    NOT_TEXT = "not_text"  # voice, image, sticker, … with nothing typed that we understand
    SHARED_NUMBER = "shared_number"
    LOOK_UP = "look_up"  # a visitor names a student whom nobody could be found for
    FEEDBACK = "feedback"  # 👍 or 👎 under an answer; `entry` says which
    CLOSE = "close"  # a button for the office: the conversation with this parent is over
    STAFF = "staff"  # a command of the school's staff
    UNDELIVERED = "undelivered"  # not a message: WhatsApp could not deliver ours within 24 hours


REGISTERED_MENU: Final = (Intent.BALANCE, Intent.STATEMENT, Intent.GATE_PASS, Intent.ASK, Intent.OFFICE)
VISITOR_MENU: Final = ("about", "admissions", "events", "contact")  # then ask; entries of knowledge.json
TAP_VERSION: Final = "v1"
MAX_TAP: Final = 200  # characters, WhatsApp's own limit


@dataclass(frozen=True)
class Request:
    """An intent with what was said about it."""

    intent: Intent
    term: str | None = None  # a code, known to the school or not
    student_ids: tuple[str, ...] = ()  # mentioned; empty: all
    entry: str | None = None  # of the school's knowledge
    named_only: bool = False  # nothing but a child or a term was named: the answer to a question of ours
    certain: bool = True  # False: for the model to understand; the intent is then QUESTION

    def as_json(self) -> dict[str, object]:
        """What the state machine carries of a request that the model understood."""
        return {
            "intent": self.intent.value,
            "term": self.term,
            "student_ids": list(self.student_ids),
            "entry": self.entry,
        }

    @classmethod
    def read(cls, value: object) -> "Request | None":
        """From `as_json`; None for None. InvalidRequest names the field."""
        if value is None:
            return None
        try:
            assert isinstance(value, Mapping)
            return cls(Intent(value["intent"]), value.get("term"), tuple(value["student_ids"]), value.get("entry"))
        except (AssertionError, KeyError, TypeError, ValueError) as error:
            raise InvalidRequest("understood", "a request: intent, term, student_ids, entry") from error


# --- taps


@dataclass(frozen=True)
class _Tap:
    """What may stand in the id of a row or button of ours."""

    student: bool = False
    term: bool = False
    entry: str = ""  # pattern


_TAPS: Final[Mapping[Intent, _Tap]] = {
    Intent.MENU: _Tap(),
    Intent.BALANCE: _Tap(student=True, term=True),
    Intent.STATEMENT: _Tap(student=True, term=True),
    Intent.GATE_PASS: _Tap(student=True),
    Intent.ASK: _Tap(),
    Intent.OFFICE: _Tap(),
    Intent.OPT_OUT: _Tap(),
    Intent.INFO: _Tap(entry="|".join(VISITOR_MENU)),
    Intent.FEEDBACK: _Tap(entry="up|down"),
    Intent.PROOF: _Tap(student=True, entry=r"(?:jpg|png|pdf)\.[0-9]{1,40}"),
    Intent.CLOSE: _Tap(entry="[1-9][0-9]{0,8}"),
}
_STUDENT_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,32}")
_TERM_CODE: Final = re.compile(r"20[0-9]{2}-[1-9]")


def tap_id(intent: Intent, student_id: str = "", term: str = "", entry: str = "") -> str:
    """The id of a row or button; `read_tap` turns it back. Versioned: old messages stay tappable for months."""
    return ":".join((TAP_VERSION, intent.value, student_id, term, entry)).rstrip(":")


def read_tap(tap: str) -> Request | None:
    """The request behind a tapped row or button; None for an id that we do not put on any."""
    if len(tap) > MAX_TAP or tap.count(":") > 4:
        return None
    version, name, student, term, entry = (tap.split(":") + [""] * 4)[:5]
    intent = next((intent for intent in _TAPS if intent.value == name), None)
    if version != TAP_VERSION or intent is None:
        return None
    form = _TAPS[intent]
    is_ours = (
        (not student or (form.student and _STUDENT_ID.fullmatch(student)))
        and (not term or (form.term and _TERM_CODE.fullmatch(term)))
        and bool(re.fullmatch(form.entry, entry))
    )
    return Request(intent, term or None, (student,) if student else (), entry or None) if is_ours else None


# --- typed words

_AROUND: Final = frozenset({"greetings", "after_greeting", "address", "politeness"})
_NAMES: Final = frozenset({"articles", "small_words", "children", "joiners", "openers", "yes", NAME, SURNAME, TERM})
_ACCOUNT: Final = _AROUND | _NAMES | {"requests", "looking", "needed", "time_words"}
# A command, by its role, and what may stand around it. Anything else in the message makes it uncertain.
_MAY_SURROUND: Final[Mapping[str, frozenset[str]]] = {
    "balance": _ACCOUNT,
    "statement": _ACCOUNT,
    "gate_pass": _ACCOUNT - {"looking"},
    "ask": _AROUND | {"openers", "requests", "may_i", "articles"},
    "office": _AROUND | {"openers", "requests", "may_i", "articles"},
    "menu": _AROUND | {"openers", "requests", "looking", "articles"},
    **{f"info:{entry}": _AROUND | {"openers", "requests", "looking", "articles"} for entry in VISITOR_MENU},
    "thanks": _AROUND | {"openers", "yes", "no"},
    "opt_out": frozenset({"greetings", "politeness"}),
    "opt_in": frozenset({"greetings", "politeness"}),
}
_NO_QUESTION: Final = frozenset({"thanks", "opt_out", "opt_in"})  # "received?", "stop?"
WORDS_OF_A_WISH: Final = 3  # "talk to the office"; "school office" and "real person" are only named
_OPT_INTENTS: Final = (Intent.OPT_OUT, Intent.OPT_IN)


def recognise(
    text: str,
    *,
    registered: bool,
    students: Sequence[Student],
    calendar: Calendar,
    prefix: str,
    today: date,
    phrases: Phrases,
) -> Request:
    """The request behind typed words, if they are nothing but a command; else a question that is not certain.

    `students` are the sender's own children: only their names are looked for. `prefix`: of the school's student ids.
    """
    message = divide(text, phrases, students, prefix)
    if not any(word[0].isalnum() for word in tokens(text)):
        return _wordless(text)
    terms = {code for which, year in message.terms if (code := calendar.code_of(which, year, today))}
    term = terms.pop() if len(terms) == 1 else None
    uncertain = Request(Intent.QUESTION, term, message.student_ids, certain=False)
    if not message.is_short or (message.terms and term is None):
        return uncertain
    found = _possible(message, registered=registered)
    if len(found) != 1 and _wants_a_person(message.parts):
        return Request(Intent.OFFICE, None, message.student_ids)
    if len(found) != 1:
        is_name = any(request.named_only for request in found)
        return Request(Intent.QUESTION, term, message.student_ids, named_only=is_name, certain=False)
    request = found[0]
    if request.intent not in (Intent.BALANCE, Intent.STATEMENT, Intent.GATE_PASS):
        return request
    if request.intent == Intent.GATE_PASS and term:
        current = calendar.current(today)  # there is no pass for another term
        return Request(Intent.GATE_PASS, None, message.student_ids) if current and current.code == term else uncertain
    return Request(request.intent, term, message.student_ids, named_only=request.named_only)


def _possible(message: Divided, *, registered: bool) -> list[Request]:
    """Everything that the whole message may ask for; certain only if it is one thing."""
    own_fees = registered and ("next", None) not in message.terms  # of the next term: the price list
    parts = [_with_fees(part, own=own_fees) for part in message.parts]
    places = [place for place, part in enumerate(parts) if _number(part) is not None]
    if len(places) == 1:
        number = _number(parts[places[0]])
        rest = parts[: places[0]] + parts[places[0] + 1 :]
        assert number is not None
        chosen = _by_number(number, registered=registered)
        if all(part.roles & (_AROUND | {"options", "openers", "yes"}) for part in rest):
            return [chosen]
        # `1. Fee balance`, copied from the menu
        written = [role for part in parts[: places[0]] for role in part.roles if role in _MAY_SURROUND]
        copied = _commands(rest, asks=False, registered=registered)
        return copied if copied == [chosen] and not written and parts[places[0]].words[0].isdecimal() else []
    found = _commands(parts, asks=message.asks, registered=registered)
    if _is_made_of(parts, _AROUND | _NAMES) and any(part.roles & {NAME, TERM} for part in parts):
        thanks = any("thanks" in part.roles and not part.roles & {"openers", NAME} for part in parts)
        found += [] if thanks else [Request(Intent.BALANCE, named_only=True)]
    if not found and _is_made_of(parts, _AROUND | {"yes", "no"}):
        found = [Request(Intent.MENU)]
    return found


def _with_fees(part: Part, *, own: bool) -> Part:
    """The bare word: a parent's own fees, but for a visitor the price list, which is a question."""
    if "fees" not in part.roles:
        return part
    return Part(part.words, part.roles - {"fees"} | ({"balance"} if own else set()), part.student_ids)


def _commands(parts: list[Part], *, asks: bool, registered: bool) -> list[Request]:
    """The commands that the parts may be, each with nothing beside it but what may surround it."""
    present = {role for part in parts for role in part.roles if role in _MAY_SURROUND}
    if asks:
        if any("needed" in part.roles for part in parts):  # "gate pass required?"
            return []
        present -= _NO_QUESTION
    return [
        _request(role, registered=registered)
        for role in sorted(present)
        if all(role in part.roles or part.roles & _MAY_SURROUND[role] for part in parts)
    ]


def _is_made_of(parts: list[Part], roles: frozenset[str]) -> bool:
    return all(part.roles & roles for part in parts)


def _number(part: Part) -> int | None:
    return next((int(role.removeprefix("number:")) for role in part.roles if role.startswith("number:")), None)


def _request(role: str, *, registered: bool) -> Request:
    if not role.startswith("info:"):
        return Request(Intent(role))
    entry = role.removeprefix("info:")
    return Request(Intent.OFFICE) if registered and entry == "contact" else Request(Intent.INFO, entry=entry)


def _wordless(text: str) -> Request:
    """Without a letter or digit: a friendly emoji is thanks."""
    return Request(Intent.THANKS if rating_of(text.strip()) == "up" else Intent.MENU)


def _by_number(number: int, *, registered: bool) -> Request:
    if registered and 1 <= number <= len(REGISTERED_MENU):
        return Request(REGISTERED_MENU[number - 1])
    if not registered and 1 <= number <= len(VISITOR_MENU):
        return Request(Intent.INFO, entry=VISITOR_MENU[number - 1])
    if not registered and number == len(VISITOR_MENU) + 1:
        return Request(Intent.ASK)
    return Request(Intent.MENU)


def is_start(text: str | None) -> bool:
    """START, the word that undoes STOP everywhere on WhatsApp."""
    return plain(text or "") == "start"


def is_consent_change(text: str | None, tap: str | None, phrases: Phrases) -> bool:
    """Whether the text or the button tapped is STOP, or one of those that undo it."""
    if tap and (tapped := read_tap(tap)):
        return tapped.intent in _OPT_INTENTS
    message = divide(text or "", phrases)
    found = _possible(message, registered=False) if message.is_short and message.parts else []
    return len(found) == 1 and found[0].intent in _OPT_INTENTS


def _wants_a_person(parts: Sequence[Part]) -> bool:
    """Whether a longer message asks to talk to a person before anything else: the rest is for that person to read."""
    spoken = [part for part in parts if not part.roles & _AROUND]
    if not spoken or "questions" in spoken[0].roles:  # "when can I talk to the office?"
        return False
    for part in spoken:
        if "office" in part.roles:
            return len(part.words) >= WORDS_OF_A_WISH
        if part.roles & (_MAY_SURROUND.keys() | {"negations"}):
            return False
    return False


def sounds_urgent(text: str, phrases: Phrases) -> bool:
    """Whether the words may mean that a child is in danger or unwell. The model judges better, if it can be asked."""
    readings = [(phrases.spelt(word),) for word in tokens(text)]
    found = (phrases.find(readings, place) for place in range(len(readings)))
    return any("urgent" in phrase.roles for phrase in found if phrase)


def is_personal(text: str, students: Sequence[Student], phrases: Phrases) -> bool:
    """Whether a question is about the parent's own figures, so that the AI needs them and nobody else's cache does."""
    words = set(tokens(text))
    own = bool(words & phrases.own_words) or bool(divide(text, phrases, students).student_ids)
    return own and bool(words & phrases.money_words)
