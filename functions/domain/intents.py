"""What a message asks for. Known without a model and without a database, so it still works when they are down."""

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import Enum
from typing import Final

from functions.domain.deliveries import rating_of
from functions.domain.people import Student
from functions.domain.terms import Calendar, without_mention


class Intent(Enum):
    """The things a parent can want."""

    MENU = "menu"
    BALANCE = "balance"
    STATEMENT = "statement"
    GATE_PASS = "gate_pass"
    ASK = "ask"  # "I want to ask something"
    QUESTION = "question"  # the question itself
    OFFICE = "office"
    INFO = "info"  # a piece of the school's knowledge, by the visitor's menu
    THANKS = "thanks"
    OPT_OUT = "opt_out"
    OPT_IN = "opt_in"
    NOT_TEXT = "not_text"  # voice, image, sticker, … with nothing typed that we understand
    SHARED_NUMBER = "shared_number"
    LOOK_UP = "look_up"  # a visitor names a student whom nobody could be found for
    FEEDBACK = "feedback"  # 👍 or 👎 under an answer; `entry` says which
    CLOSE = "close"  # the office: the conversation with this parent is over
    UNDELIVERED = "undelivered"  # not a message: WhatsApp could not deliver ours within 24 hours


REGISTERED_MENU: Final = (Intent.BALANCE, Intent.STATEMENT, Intent.GATE_PASS, Intent.ASK, Intent.OFFICE)
VISITOR_MENU: Final = ("about", "admissions", "events", "contact")  # then ask; entries of knowledge.json
TAP_VERSION: Final = "v1"


@dataclass(frozen=True)
class Request:
    """An intent with what was said about it."""

    intent: Intent
    term: str | None = None  # a code, known to the school or not
    student_ids: tuple[str, ...] = ()  # mentioned; empty: all
    entry: str | None = None  # of the school's knowledge
    sure: bool = True  # False: only a child or a term was named


def tap_id(intent: Intent, student_id: str = "", term: str = "", entry: str = "") -> str:
    """The id of a row or button; `read_tap` turns it back. Versioned: old messages stay tappable for months."""
    return ":".join((TAP_VERSION, intent.value, student_id, term, entry)).rstrip(":")


def read_tap(tap: str) -> Request | None:
    """The request behind a tapped row or button; None for an id that is not ours."""
    parts = tap.split(":")
    version, name, student, term, entry = parts + [""] * (5 - len(parts)) if len(parts) <= 5 else [""] * 5
    if version != TAP_VERSION or name not in {intent.value for intent in Intent}:
        return None
    return Request(Intent(name), term or None, (student,) if student else (), entry or None)


_PATTERNS: Final[tuple[tuple[Intent, re.Pattern[str]], ...]] = tuple(
    (intent, re.compile(pattern))
    for intent, pattern in (
        # First: "I want to talk to the bursar about my balance" wants a person, not the balance.
        (
            Intent.OFFICE,
            r"\b(talk|speak|chat|(connect|transfer) (me|us))\b.*\b(office|person|human|someone|somebody|admin\w*|agent|staff"
            r"|bursar|secretary|head|headmaster|teacher)\b|^(the )?(school )?office$|^(?!(are|is) ).*\b(real|a) (person|human)\b"
            r"|\bcall me( back)?\b|\bndinoda kutaura\b",
        ),
        (
            Intent.GATE_PASS,
            r"\b(gate?|exit|school) ?pass?(es)?\b(?! (rate|mark)s?)|\bexeat\b|^(my |a |the |new )*pass(es)?( for .*)?$"
            r"|\b(need|want|get|send|request|renew)( me| us)? (a|my|the|another|new) (new )?pass\b",
        ),
        (
            Intent.STATEMENT,
            r"\bstate?ments?\b|\btransactions?\b|\b(payment|fee|fees|account) history\b|\bhistory of payments?\b"
            r"|\blist of (my |the |our )?payments?\b|^((show|see|my|our|all|the|me) )*payments( made| so far)?$"
            r"|\bpayments (that )?(i|we) (have )?made\b",
        ),
        (
            Intent.BALANCE,
            r"\bball?[ae]n[cs]es?\b|\bbal\b|\bhow much\b.*\b(owe|owing|left|remain\w*|outstanding|due)\b"
            r"|\b(i|we) (still )?owe\b|\bowing\b|^outstanding$|\barrears\b|\b(amount|fees|money|payments?) due\b"
            r"|\boutstanding (school |amount|balance|debt|fees|money|payments?)|\b(amount|fees|money) outstanding\b"
            r"|^(?!.*\bpay(ing)?\b).*\b(my|our) (school )?fees( status)?$"
            r"|\bwhat (do|must|should) (i|we) (still )?(owe|pay)$"
            r"|\bhow much (do|must|should|am|are) (i|we) ((still|have|need|supposed|to) )*pay( now| today| for (the |school )*fees)?$"
            r"|\bhave (i|we) (fully |already )?(paid|cleared|finished paying)\b|\bam i (paid up|cleared|fully paid)\b"
            r"|\b(chi|zvi)kwereti\b|\bmari (ya)?(sara|asara|yasara|inodiwa)\b|\b(kwa|ya)sara i?mari+\b|\bkubhadhara i?marii\b"
            r"|\bngikweleta\b|\b(is|iz)ikwelede\b|\bimali (eseleyo|esele)\b",
        ),
    )
)
# The bare word: a parent's own fees, but for a visitor the price list.
_FEES: Final = re.compile(r"^(the |school |show |see )*fees?( account| status| please)?$")
# A general question about the thing, or a complaint, not a request for it.
_ABOUT: Final = re.compile(
    r"\b(why|who|where(?! is (my|our|the)\b)|explain|mean|means|meaning|rules?|policy|policies|difference|qualify"
    r"|requirements?|(what|which|is|are|documents?)\b.*\b(needed|required)|what happens|can i use"
    r"|how (?!(do|can) (i|we) (check|see|get|view|know|find)( out)? (my|our|the|a) (\w+ )?(balance|statement))(does|do|can|long|often|many)"
    r"|what (is|are) (a|an|the)? ?(gate|rule|statement)|when (do|does|can|will|is)|is it(?! possible to (get|have|see|send|view)\b)"
    r"|(?<!a )(?<!new )valid|refused|rejected|denied|(do not|dont|not) (need|want))\b"
)
_GREETING: Final = re.compile(
    r"^(hi+|hello+|helo+|hey+|hie+|hy|hallo|hesi+|yo|g(oo|u)d (morning|afternoon|evening|day|night)|morning|afternoon|evening"
    r"|greetings|mhoro|mhoroi|makadii|makadini|makadi|mangwanani|masikati|manheru|maswera sei|mamuka sei|kwaziwai"
    r"|salibonani|sawubona|unjani|linjani|dear|sir|madam|maam|mam|team|there|school|admin|teacher|good people"
    r"|how (are|r) (you|u)( today| doing)?|(i )?hope you are (well|fine))\b"
)
_MENU: Final = re.compile(
    r"^((show|see|send|open|get|give|me|us|i|want|need|the|main|to|go|back) )*menu$"
    r"|^(home|start|help|help me|options|back|go back|restart|begin|yes|no)$"
)
# Thanks and assent; the lookahead wants at least one word that says so, for `yes` or `sir` alone says nothing.
_THANKS: Final = re.compile(
    r"^(?!((and|sir|madam|maam|yes|no|well|again|for|your|the|help|it|all|that|information|info|you|today)( |$))+$)"
    r"((ok|okay|okey|k|alright|great|nice|good|perfect|well|noted|sure|fine|yes|no|thanks?|thank (you|u)|thankyou|thanx|thx"
    r"|ty|cool|wonderful|lovely|bye|goodbye|cheers|appreciated|received|got it|so much|very much|a lot|again|sir|maam"
    r"|madam|and|god bless( you)?|welcome|awesome|with|for|your|the|help|assistance|response|it|all|that|information|info|today|you"
    r"|ndatenda|tatenda|maita( basa| henyu)?|mazvita|siyabonga|ngiyabonga)( |$))+$"
)
_OPT_OUT: Final = re.compile(
    r"^(stop( (all|the|these|sending|texting|messaging|writing|to|me|messages?))*|unsubscribe( me)?|opt ?out|cancel messages)$"
)
_OPT_IN: Final = re.compile(r"^(start messages|subscribe|opt ?in|unstop|resume( messages)?)$")
_ASK: Final = re.compile(
    r"^((i|we|id|can|may|could|would|want|like|have|need|got|to|just|a|another|one|some) )*"
    r"(ask|questions?|enquir[ey]|inquir[ey])( (a|you|one|another|some|something|quick|questions?))*$"
)
_INFO: Final = {
    "about": re.compile(r"^(about|about us|about (the )?school|tell me about (the |your )?school)$"),
    "admissions": re.compile(r"^(admissions?|enrol+ments?|enrol+|registration|apply|application|applications)$"),
    "events": re.compile(r"^(events?|calendar|upcoming events)$"),
    "contact": re.compile(
        r"^((what (is|are)|send me|give me) )?(the |your |our )?(school |office )?"
        r"(contacts?|contact (us|details|info|information|numbers?)|((tele)?phone |cell )?number|e ?mail( address)?|address)$"
    ),
}
_NUMBER: Final = re.compile(r"^(?:option |number |no |nr )?([0-9]{1,2}|one|two|three|four|five)$")
_NUMBER_WORDS: Final = {"one": 1, "two": 2, "three": 3, "four": 4, "five": 5}
_CLOSE: Final = re.compile(r"^(?:close|closed|done)(?: (?:request )?(?:number )?(\d{1,9}))?$")
_POLITE: Final = re.compile(r"\b(please|pls|plz|kindly|thanks|thank you)\b")
_MONEY_WORDS: Final = re.compile(
    r"\b(fees?|balance|paid|pay|payments?|paying|owe|owing|billed|bill|charged?|credit|statement|amount|gate ?pass|pass|"
    r"overpaid|arrears|account)\b"
)
_OWN_WORDS: Final = re.compile(
    r"\b(my|mine|our|ours|i|we|me|us|child|children|kid|kids|son|daughter|he|she|his|her|they|their)\b"
)


def plain(text: str) -> str:
    """Lower case, without punctuation, emoji and accents; `1️⃣` and `1.` become `1`."""
    lowered = unicodedata.normalize("NFKD", text.lower()).replace("’", "'").replace("'", "")
    kept = "".join(sign if sign.isalnum() and sign.isascii() else " " for sign in lowered)
    return " ".join(kept.split())


def recognise(
    text: str,
    *,
    registered: bool,
    students: Sequence[Student],
    calendar: Calendar,
    prefix: str,
    assistant: str,
    today: date,
) -> Request:
    """The request behind typed words. What is no command is a question.

    `students` are the sender's own children: only their names are looked for. `prefix`: of the school's student ids.
    `assistant`: the name that people address us by.
    """
    term = calendar.mentioned(text, today)
    mentioned = _students(text, students, prefix)
    if not plain(text):
        return Request(_wordless(text))
    words = _without_greeting(_without_address(plain(without_mention(text)), assistant, students))
    if not term and _THANKS.match(words):
        return Request(Intent.THANKS)
    short = _without_greeting(" ".join(_POLITE.sub(" ", words).split()))
    if number := _NUMBER.match(short):
        return _by_number(_NUMBER_WORDS.get(number[1]) or int(number[1]), registered=registered)
    short = re.sub(r"^[1-9] (?=[a-z])", "", short)  # `4. Ask a question`, copied from the menu
    for intent, pattern in ((Intent.OPT_OUT, _OPT_OUT), (Intent.OPT_IN, _OPT_IN), (Intent.MENU, _MENU)):
        if pattern.match(short):
            return Request(intent)
    if not short and not term:
        return Request(Intent.MENU)
    if _ASK.match(short):
        return Request(Intent.ASK)
    for entry, pattern in _INFO.items():
        if pattern.match(short):
            return Request(Intent.INFO, entry=entry) if not registered or entry != "contact" else Request(Intent.OFFICE)
    for intent, pattern in _PATTERNS:
        price = intent == Intent.GATE_PASS and "how much" in short
        if pattern.search(short) and not _ABOUT.search(short) and not price:
            return Request(intent, term, mentioned)
    rest = _rest_without_names(short, students, prefix)
    if registered and _FEES.match(rest):
        return Request(Intent.BALANCE, term, mentioned)
    if (mentioned or term) and not rest:
        return Request(Intent.BALANCE, term, mentioned, sure=False)
    return Request(Intent.QUESTION, term, mentioned)


def is_start(text: str | None) -> bool:
    """START, the word that undoes STOP everywhere on WhatsApp."""
    return plain(text or "") == "start"


def is_consent_change(text: str | None) -> bool:
    """Whether the text is STOP, or one of the words that undo it."""
    words = " ".join(_POLITE.sub(" ", plain(text or "")).split())
    return bool(_OPT_OUT.match(words) or _OPT_IN.match(words))


def is_close(request: Request, text: str | None) -> bool:
    """Whether the office says that a conversation is over: a tap on Close, or `close`, `close 12`."""
    return request.intent == Intent.CLOSE or bool(_CLOSE.match(plain(text or "")))


def number_in(text: str | None) -> str | None:
    """The number of a request that `close 12` names."""
    match = _CLOSE.match(plain(text or ""))
    return match[1] if match else None


def is_personal(text: str, students: Sequence[Student]) -> bool:
    """Whether a question is about the parent's own figures, so that the AI needs them and nobody else's cache does."""
    words = plain(text)
    own = bool(_OWN_WORDS.search(words)) or any(_names(student.first_name, words) for student in students)
    return own and bool(_MONEY_WORDS.search(words))


def _wordless(text: str) -> Intent:
    """Without a letter or digit that we know: another script is a question, a friendly emoji is thanks."""
    if any(sign.isalpha() for sign in text):
        return Intent.QUESTION
    return Intent.THANKS if rating_of(text.strip()) == "up" else Intent.MENU


def _by_number(number: int, *, registered: bool) -> Request:
    if registered and 1 <= number <= len(REGISTERED_MENU):
        return Request(REGISTERED_MENU[number - 1])
    if not registered and 1 <= number <= len(VISITOR_MENU):
        return Request(Intent.INFO, entry=VISITOR_MENU[number - 1])
    if not registered and number == len(VISITOR_MENU) + 1:
        return Request(Intent.ASK)
    return Request(Intent.MENU)


def _without_address(words: str, assistant: str, students: Sequence[Student]) -> str:
    """`thanks mya` -> `thanks`; a child of the same name keeps it."""
    name = plain(assistant)
    if not name or any(_names(student.first_name, name) for student in students):
        return words
    return " ".join(re.sub(rf"\b{name}\b", " ", words).split())


def _without_greeting(words: str) -> str:
    """`hello dear how much do i owe` -> `how much do i owe`."""
    while match := _GREETING.match(words):
        words = words[match.end() :].strip()
    return words


def _students(text: str, students: Sequence[Student], prefix: str) -> tuple[str, ...]:
    """Children named by id or by name. An id that is not the sender's is returned too: the caller refuses it."""
    ids = [f"{prefix}{digits}" for digits in re.findall(rf"\b{prefix}[\s-]?(\d+)\b", text, re.IGNORECASE)]
    words = plain(text)
    by_first = [student for student in students if _names(student.first_name, words)]
    narrowed = [student for student in by_first if _names(student.last_name, words)]
    return tuple(dict.fromkeys(ids + [student.id for student in narrowed or by_first]))


def _names(name: str, words: str) -> bool:
    """Whether the words hold the name, as in `tariro` or `tariro's`."""
    return bool(plain(name)) and bool(re.search(rf"\b{plain(name)}s?\b", words))


def _rest_without_names(words: str, students: Sequence[Student], prefix: str) -> str:
    for student in students:
        for name in plain(student.name).split():
            words = re.sub(rf"\b{name}s?\b", " ", words)
    words = re.sub(rf"\b{prefix.lower()} ?\d+\b", " ", words)
    return " ".join(
        re.sub(r"\b(for|of|in|and|s|only|its|it|is|the|my|child|son|daughter|ya|wa|na)\b", " ", words).split()
    )
