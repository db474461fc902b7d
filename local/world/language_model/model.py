"""What the local model replies: structured as the contract has it, or plain text."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from functions.adapters.phrases_config import phrases
from functions.domain.parts import divide
from local.world.language_model import passages
from local.world.language_model.children import Named, named, neutral
from local.world.language_model.classifier import classifier
from local.world.language_model.guards import CUT, GUARDED, STOP_WORD, about_a_pass, is_plain_stop
from local.world.language_model.prompt import Earlier, Prompt
from local.world.language_model.text import clean, gloss, tokens

Part = dict[str, Any]  # one reply of the contract
ABOUT_CHILDREN: Final = ("balance", "statement", "explain", "gate_pass")
WORDS: Final = {  # without one of these words in it, a part of a message is no second wish
    "balance": re.compile(
        r"\bbal(?:ance)?\b|\bow(?:e|es|ing|ed)\b|outstanding|arrears|\bdue\b|\bleft\b|remain", re.IGNORECASE
    ),
    "statement": re.compile(r"statement|invoice|receipt|breakdown|transactions|list of payments", re.IGNORECASE),
    "gate_pass": re.compile(r"gate ?pass|\bi?-?pass(?:es)?\b|exeat|permit|\bqr\b", re.IGNORECASE),
    "question": re.compile(
        r"^(?:what|when|where|which|how|who|why|is|are|do (?:you|i|we|they)|does|can)\b|\?\s*$", re.IGNORECASE
    ),
}
LIKELY: Final = 0.5  # of a part that asks for something of its own
UNSURE: Final = 0.25  # below this nothing is done before asking
MOST_PARTS: Final = 6
_DENIED: Final = re.compile(  # "not the statement", "I don't want a gate pass"
    r"(?:\b(?:i|we)\s+)?(?:\b(?:do|did) not\b|\b(?:do|did)n['o]?t\b|\bnot\b|\bno\b|\bnever\b)"
    r"(?:\s+(?:want|need|ask(?:ed)? for|mean|send|give|me|just))*(?:\s+(?:the|a|an|any|my|another))?"
    r"\s+(?:gate ?pass|pass|statement|balance|receipt|invoice|menu|history|list|pdf)(?:es|s)?\b(?:\s+again)?"
    r"[\s,.;:]*(?:but\b|just\b)?",
    re.IGNORECASE,
)
_CONTINUES: Final = re.compile(
    r"^(?:ok(?:ay)? |so )?(?:and|what about|how about|then|ko|uye|njalo|the one|that one|the other|same|only|or)\b",
    re.IGNORECASE,
)
_OTHER: Final = re.compile(r"\b(?:the )?other (?:one|child|kid)|\bumwe\b|\bomunye\b", re.IGNORECASE)
_ORDER: Final = re.compile(
    r"\b(?:ignore|forget|disregard)\b.{0,30}\b(?:instruction|rule|prompt)|\b(?:admin|developer|god) mode\b|"
    r"\byou are now\b|^system:|\bpretend\b|\b(?:print|reveal|repeat) (?:your|the) (?:instruction|prompt|text|rules)",
    re.IGNORECASE,
)
_WHY: Final = re.compile(
    r"\b(?:why|how come|explain\w*|what makes|understand|so (?:high|much|big|large|little)|(?:gone|went|going) up|"
    r"increas\w+|come about|made up|how (?:did |do )?you (?:got|get|arrived?|calculated?)|break ?down|worked out)\b",
    re.IGNORECASE,
)
_THIS_FIGURE: Final = re.compile(r"\b(?:that|this) (?:figure|amount|total|balance|bill)\b")
_MONEY: Final = re.compile(
    r"\b(?:balance|ow(?:e|es|ing|ed)|outstanding|arrears|fees?|amount|figure|total|billed|bill)\b"
)
_MONEY_OF_ONES_OWN: Final = re.compile(
    r"\b(owe|owing|owed|balance|outstanding|paid|pay|left|remaining|credit|arrears|billed|fees?|debt)\b"
)
_OWN: Final = re.compile(r"\b(i|my|me|our|we|mine|balance|statement|owe|owing|outstanding|debt)\b")
_BILLED: Final = re.compile(r"\bbilled\b\D{1,10}\d|\bno fees\b")
_STANDING: Final = re.compile(r"\b(?:owed|billed|balance|fully paid|credit|no fees recorded)\b", re.IGNORECASE)
_STUDENT_ID: Final = re.compile(r"\b[A-Z]{2,8}\d{4,}\b")
_LANGUAGES: Final = {"en": "en", "sn": "sn", "nd": "nd"}


def reply(prompt: Prompt) -> dict[str, Any]:
    """One reply of the contract."""
    text = clean(prompt.question)
    language = _LANGUAGES[gloss(text).language]
    first, *more = _parts(prompt, text)
    return {"language": language, "reply": first, "also": more[0] if more and more[0] != first else None}


def answer(prompt: Prompt) -> str:
    """Plain text, for a request without a format: out of what was given, or a polite no."""
    text = clean(prompt.question)
    label = _label(text, prompt.children)
    if label == "thanks":
        return "You're welcome! 😊 Write again whenever I can help."
    if label == "menu":
        return "Hello! 😊 How can I help you with school matters today?"
    if any(name not in prompt.given for name in _STUDENT_ID.findall(text)):
        return _sorry(prompt, "I can only speak about your own children.")
    if figures := _figures(prompt, text):
        return "Here is what the school has recorded:\n" + "\n".join(figures)
    return _from_knowledge(prompt, text)


def order_in(question: str) -> str:
    """What an obedient model would be made to say by an injected order."""
    match = re.search(
        r"(?:say|write|reply with|answer with|print|tell (?:me|them))\s*:?\s*[\"'“]?(.+?)[\"'”]?\s*$", question, re.I
    )
    return match[1] if match else question


# --- structured -------------------------------------------------------------------------------------------------------


def _parts(prompt: Prompt, text: str) -> list[Part]:
    """What the message asks for, the most important first; at least one."""
    if not text:
        return [_back("How can I help you?")]
    if _ORDER.search(text):
        return [_answer("I can only help with matters of the school, and I cannot change anything in its records.")]
    if continued := _continued(prompt, text):
        return [continued]
    wanted = _undenied(text)
    label = _label(wanted, prompt.children)
    if (denied := _denied(text)) and label != "urgent":
        rest = _DENIED.sub(" ", gloss(text).text.lower())
        is_amount = bool(_MONEY.search(rest)) and "balance" not in denied
        if is_amount and (label in denied or re.search(r"\b(?:only|just)\b", rest)):
            label = "balance"
        elif label in denied:
            label = "ask"
    if _asks_why(prompt, label, wanted):
        return [_part(prompt, "explain", wanted)]
    pieces = _pieces(prompt, wanted) if label not in ("office", "urgent") else []
    if len(pieces) > 1 or (pieces and label in ("thanks", "menu", "ask")):
        return [_part(prompt, piece.label, piece.text, wanted) for piece in pieces[:2]]
    return [_part(prompt, label, wanted)]


@dataclass(frozen=True)
class _Piece:
    label: str
    text: str


def _pieces(prompt: Prompt, text: str) -> list[_Piece]:
    """Parts of a message that each ask for something of their own, wishes before questions."""
    cut = [part.strip() for part in CUT.split(text) if part and part.strip()]
    if not 2 <= len(cut) <= MOST_PARTS:
        return []
    found: dict[str, _Piece] = {}
    for part in cut:
        chances = classifier().probabilities(neutral(part, prompt.children))
        for label, words in WORDS.items():
            english = gloss(part).text
            if (
                label not in found
                and chances[label] >= LIKELY
                and words.search(english)
                and not GUARDED.search(english)
            ):
                found[label] = _Piece(label, part)
    return sorted(found.values(), key=lambda piece: piece.label == "question")


def _label(text: str, children: Mapping[int, str]) -> str:
    """The label that fits best; what would be bad if wrong must be plain."""
    chances = classifier().probabilities(neutral(text, children))
    english = gloss(text).text
    ranked = sorted(chances, key=lambda name: -chances[name])
    label = ranked[0]
    if label == "gate_pass":
        label = about_a_pass(english, chances["gate_pass"], children)
    if label == "opt_out" and not is_plain_stop(english, chances):
        label = next(name for name in ranked if name in ("office", "opt_in", "ask"))
    if label == "opt_in" and not STOP_WORD.search(english) and not re.search(r"\bstart|resum|again", english, re.I):
        label = next(name for name in ranked if name not in ("opt_in", "opt_out", "gate_pass"))
    if label == "office" and chances["urgent"] > chances["office"] / 2:
        label = "urgent"
    return label if chances[ranked[0]] >= UNSURE or label in ("office", "urgent") else "ask"


def _denied(text: str) -> set[str]:
    """What the sender says not to want: it is not done, whatever else is understood."""
    said = [match[0] for match in _DENIED.finditer(gloss(text).text)]
    return {label for label in ("balance", "statement") for part in said if WORDS[label].search(part)}


def _undenied(text: str) -> str:
    """Without what the sender says not to want, where something else is left to want."""
    english = gloss(text).text
    rest = _DENIED.sub(" ", english).strip(" ,.;:-")
    is_wanted = any(words.search(rest) for words in (*WORDS.values(), _MONEY))
    if rest != english.strip(" ,.;:-") and is_wanted:
        return rest
    return text


def _asks_why(prompt: Prompt, label: str, text: str) -> bool:
    """Whether the sender's own balance is to be explained, and no more than that."""
    english = gloss(text).text.lower()
    own = _OWN.search(english) or _THIS_FIGURE.search(english) or named(text, prompt.children).numbers
    if label == "statement" and not english.startswith(("why", "how come")):
        return False
    is_asked = label in ("balance", "statement", "question", "ask")
    return bool(is_asked and own and _WHY.search(english) and _MONEY.search(english))


def _part(prompt: Prompt, label: str, text: str, whole: str = "") -> Part:
    """One part. `whole`: the message that it is a part of, which may name the child for all of them."""
    if label in ("office", "urgent"):
        return {"type": "office", "urgency": "urgent" if label == "urgent" else "normal"}
    if label == "question":
        return _answer(_from_knowledge(prompt, text))
    if label == "ask":
        return _back("What can I do for you: the balance, a statement, a gate pass, or something else?")
    if label not in ABOUT_CHILDREN:
        return _wish(label)
    names = named(text, prompt.children, _words_of(prompt))
    if whole and names == Named():
        names = named(whole, prompt.children, _words_of(prompt))
    if prompt.children and (names.stranger or names.unclear):
        return _back("Which of your children do you mean: " + " or ".join(prompt.children.values()) + "?")
    return _about(prompt, label, names, text)


def _about(prompt: Prompt, wish: str, names: Named, text: str) -> Part:
    return _wish(
        wish, list(names.numbers) if prompt.children else [], _term(prompt, text) if wish != "gate_pass" else None
    )


def _continued(prompt: Prompt, text: str) -> Part | None:
    """The reply to a message that goes on with what was said before; None when it stands alone."""
    if not prompt.earlier:
        return None
    before = prompt.earlier[-1]
    names = named(text, prompt.children, _words_of(prompt))
    short = len(tokens(text)) <= 6
    asks = any(words.search(gloss(text).text) for name, words in WORDS.items() if name != "question")
    if (
        not short
        or asks
        or not (_CONTINUES.search(text) or before.kind == "question_back" or _is_only_named(text, names))
    ):
        return None
    if before.kind in ABOUT_CHILDREN:
        if _OTHER.search(text):
            names = _others(prompt, before)
        if names.stranger or names.unclear:
            return _back("Which of your children do you mean: " + " or ".join(prompt.children.values()) + "?")
        if names.numbers or _term(prompt, text):
            kept = names if names.numbers else named(before.asked, prompt.children)
            return _about(prompt, before.kind, kept, text)
        return None
    together = f"{before.asked} {text}"
    label = _label(together, prompt.children)
    if before.kind == "question_back" and label in ABOUT_CHILDREN:
        return _about(prompt, label, names, together)
    if before.kind != "answer":
        return None
    found = passages.best(together, prompt.passages) or passages.best(before.asked, prompt.passages)
    return _answer(found or _unknown(prompt))


def _is_only_named(text: str, names: Named) -> bool:
    return bool(names.numbers) and len(tokens(text)) <= 2


def _others(prompt: Prompt, before: Earlier) -> Named:
    said = named(before.asked, prompt.children).numbers
    return Named(tuple(number for number in prompt.children if number not in said) if said else ())


def _term(prompt: Prompt, text: str) -> str | None:
    if prompt.calendar is None:
        return None
    terms = divide(text, phrases()).terms
    code = prompt.calendar.code_of(*terms[0], prompt.today) if terms else None
    return code if code and prompt.calendar.find(code) else None


def _words_of(prompt: Prompt) -> frozenset[str]:
    return frozenset(word for passage in prompt.passages for word in tokens(passage))


def _answer(text: str) -> Part:
    return {"type": "answer", "text": text}


def _back(text: str) -> Part:
    return {"type": "question_back", "text": text}


def _wish(name: str, children: list[int] | None = None, term: str | None = None) -> Part:
    return {"type": "wish", "wish": name, "children": children or [], "term": term}


# --- texts ------------------------------------------------------------------------------------------------------------


def _from_knowledge(prompt: Prompt, text: str) -> str:
    return passages.best(text, prompt.passages) or _unknown(prompt)


def _unknown(prompt: Prompt) -> str:
    return _sorry(prompt, "I have not been told about that, and I can only help with matters of the school.")


def _sorry(prompt: Prompt, why: str) -> str:
    return f"I'm sorry, {why}" + (f" The office can help you further: {prompt.email}." if prompt.email else "")


def _figures(prompt: Prompt, text: str) -> list[str]:
    """Where each child stands, with the name that stands above it; only the child that was named, if one was."""
    words = gloss(text).text.lower()
    if not (_OWN.search(words) and _MONEY_OF_ONES_OWN.search(words)):
        return []
    found: list[tuple[str, str]] = []
    name = ""
    for line in (line.strip(" -*•\t") for line in prompt.given.splitlines()):
        if line.endswith(":") and len(line) < 80:
            name = line
        elif not line:
            name = ""
        elif _STANDING.search(line) and _BILLED.search(line):
            found.append((f"{name} {line}".strip(), (name or line).split(" ")[0].lower()))
    asked = set(tokens(text))
    mentioned = [line for line, first in found if first in asked]
    return (mentioned or [line for line, _ in found])[:8]
