"""Words of a message: normalised, and Shona and Ndebele put into English where the glossary knows them."""

import re
import unicodedata
from collections import Counter
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

GLOSSARY: Final = Path(__file__).with_name("glossary.txt")
_TOKEN: Final = re.compile(r"[^\W_]+(?:['’-][^\W_]+)*", re.UNICODE)
_SPOKEN: Final = re.compile(
    r"\b(?:full stop|question mark|comma)\b|^(?:ok(?:ay)? google|hey siri|alexa)\b", re.IGNORECASE
)
_ENGLISH_TOO: Final = frozenset("here sei time to".split())  # no sign of a language by themselves
_LOAN: Final = re.compile(  # i-balance, yestatement, egate: English words with a prefix of either language
    r"(?:[iu]|ama|ku|pa|[ncyrdz]e|ng[eo]|le|l[eo]|y[ae]|ka|ze)-?"
    r"(balance|statement|receipt|invoice|fees|pass|gate|uniform|account|office|transport|message|report|results)"
)
_LONE_L: Final = re.compile(r"(?<!\w)l(?=\s+[a-z])")  # typed for I


@dataclass(frozen=True)
class Glossed:
    """A text in English as far as the glossary goes."""

    text: str
    language: str  # en, sn, nd


def clean(text: str) -> str:
    """Without invisible signs, spoken punctuation and repeated spaces; a lone `l` becomes `I`."""
    shown = "".join(
        " " if unicodedata.category(sign) in ("Zs", "Cc") else sign
        for sign in unicodedata.normalize("NFKC", text)
        if unicodedata.category(sign) != "Cf"
    )
    return " ".join(_LONE_L.sub("I", _SPOKEN.sub(" ", shown)).split())


def tokens(text: str) -> list[str]:
    """Words in lower case."""
    return [match[0].lower().replace("’", "'") for match in _TOKEN.finditer(text)]


@cache
def _glossary() -> tuple[tuple[str, re.Pattern[str], str], ...]:
    found = []
    for line in GLOSSARY.read_text("utf-8").splitlines():
        if not line or line.startswith("#"):
            continue
        left, _, gloss = line.partition(" = ")
        language, *patterns = left.split()
        ways = "|".join(re.escape(pattern).replace(r"\*", ".*") for pattern in patterns)
        found.append((language, re.compile(f"(?:{ways})"), gloss))
    return tuple(found)


@cache
def _gloss_of(word: str) -> tuple[str, str] | None:
    """(language, English) of one word."""
    for language, pattern, gloss in _glossary():
        if pattern.fullmatch(word):
            return language, gloss
    return None


def gloss(text: str) -> Glossed:
    """The text with every known Shona or Ndebele word replaced, and the language that most of its words belong to."""
    words = tokens(text)
    votes = Counter(known[0] for word in words if word not in _ENGLISH_TOO and (known := _gloss_of(word)))
    short = votes.pop("en", 0)  # text-speak
    if not votes and not short and not any(map(_LOAN.fullmatch, words)):
        return Glossed(text, "en")
    is_shouted = text.isupper()

    def english(match: re.Match[str]) -> str:
        if match.start() and match[0].istitle() and not is_shouted and len(match[0]) > 1:
            return match[0]  # a name
        known = _gloss_of(match[0].lower())
        if known and not votes and known[0] != "en":
            return match[0]
        loan = _LOAN.fullmatch(match[0].lower())
        return known[1] if known else loan[1] if loan else match[0]

    language, count = (votes.most_common(1) or [("en", 0)])[0]
    return Glossed(_TOKEN.sub(english, text), language if count * 4 >= len(words) or count >= 4 else "en")
