"""Gate passes and opt-outs must be asked for plainly: a wrong one is far worse than a question back."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Final

from local.world.language_model.classifier import examples
from local.world.language_model.text import gloss, tokens

SURE: Final = 0.45  # the least probability of either
MOST_UNHEARD: Final = 2  # words that are in no example of a gate pass
MOST_UNASKED: Final = 6  # words of a request that is nothing but its name: "gate pass for Tariro tomorrow"
CUT: Final = re.compile(r"[.;?!\n]+\s|\n+|,|\b(?:and|then|also|plus|uye|njalo)\b|(?<!\w)\d[.)]\s", re.IGNORECASE)
GUARDED: Final = re.compile(  # who may have a pass, and what became of one, is for a person
    r"\b(?:not|never|nobody|no one|except|unless|without|cancel|block|withdraw|void|revoke|somebody|someone|anyone|any|"
    r"fake|forged|stole|sold|wrong|misspel\w*|permission|every|always|but|says?|said|gave|shows|requested|"
    r"husband|wife|driver|maid|nanny|gardener|did (?:you|he|she|they|someone)|has (?:someone|anyone|he|she)|"
    r"no (?:more )?(?:gate ?)?pass(?:es)?)\b|n't\b|\bonly (?:i|me)\b",
    re.IGNORECASE,
)
_PASS_WORD: Final = re.compile(
    r"pass(?:es)?\b(?!\s+(?:marks?|rate|me|my|on|her|him|this|the test|exams?)\b)|\bpas\b|gatepas|exeat|permit|\bqr\b|"
    r"\bexit\b",
    re.IGNORECASE,
)
_REQUESTS: Final = re.compile(
    r"\b(?:need\w*|want\w*|send|resend|give|get|may|can|could|please|pl[sz]|issue|generate|request(?:ing)?|renew|make|ask\w*|new|"
    r"again|once more|let me have|i'?ll have)\b",
    re.IGNORECASE,
)
_ASKS: Final = re.compile(r"^(?:what|when|where|which|how|who|why|is|are|do (?:you|i|we|they)|does)\b", re.IGNORECASE)
STOP_WORD: Final = re.compile(
    r"messag|subscri|\bopt\b|\b(?:your|the|this|mailing|broadcast) list\b|notif|\btext(?:s|ing)?\b|whatsapp|reminder|"
    r"updates|broadcast",
    re.IGNORECASE,
)
_BARE_STOP: Final = re.compile(
    r"^\W*(?:please\W+)?(?:stop|quit|end|unstop)(?:\W+(?:it|this|now|please|all))*\W*$", re.IGNORECASE
)
_NOT_STOP: Final = re.compile(
    r"\bstopped\b|(?:n't|not) (?:getting|receiving|get|receive)\b|"
    r"(?:n't|not|never|why would i|do i have to)\b.{0,12}\bstop|\bcall(?:ing|s)?\b",
    re.IGNORECASE,
)


def about_a_pass(english: str, chance: float, children: Mapping[int, str]) -> str:
    """A pass that is plainly asked for; whatever else is said of passes is for a person, or for asking back."""
    if GUARDED.search(english):
        return "question" if _ASKS.search(english) else "office"
    asks = [part for part in CUT.split(english) if part and _PASS_WORD.search(part)]
    own = {word for name in children.values() for word in tokens(name)}
    odd = min((_unheard(part, own) for part in asks), default=MOST_UNHEARD + 1)
    asked = len(tokens(english)) <= MOST_UNASKED or _REQUESTS.search(english)
    return "gate_pass" if chance >= SURE and asked and odd <= MOST_UNHEARD else "ask"


def _unheard(text: str, own: set[str]) -> int:
    """How many words nobody has used in asking for a pass."""
    words = [word for word in tokens(text) if word.isalpha() and len(word) > 2]
    return sum(word not in _pass_words() and not any(name in word for name in own) for word in words)


@cache
def _pass_words() -> frozenset[str]:
    asked = [row.text for row in examples() if row.label == "gate_pass"]
    return frozenset(word for text in asked for word in (*tokens(text), *tokens(gloss(text).text)))


def is_plain_stop(english: str, chances: Mapping[str, float]) -> bool:
    named = STOP_WORD.search(english) or _BARE_STOP.search(english)
    return chances["opt_out"] >= SURE and bool(named) and not _NOT_STOP.search(english)
