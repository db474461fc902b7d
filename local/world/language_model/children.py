"""Which child of the sender a message names, and whether it names someone else's."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final

from local.world.language_model.classifier import CHILD, examples
from local.world.language_model.text import gloss, tokens

_ALL: Final = re.compile(
    r"\b(?:both|all (?:of )?(?:my|the|our) (?:children|kids)|(?:my|our) (?:two )?(?:children|kids)|each child|twins|"
    r"vana vangu|vese|vaviri|abantwana bami|bobabili)\b",
    re.IGNORECASE,
)
# What stands before a name: of, for, and the possessives of Shona and Ndebele that are written with it.
_BEFORE: Final = frozenset("for of ya dza cha wa ra yemwana ka sika lika ku about".split())
_PREFIX: Final = re.compile(r"^(?:ne|na|le|la|no|we|ye)?(?:ya|dza|cha|wa|ra|za|ka|sika|lika|ku|ngo|u|na|pana)?$")
_ANOTHERS: Final = re.compile(
    r"\b(?:(?:another|different) (?:parent|family|child|pupil|learner)|other (?:parent|family)|"
    r"(?:neighbour|friend|colleague|classmate|sister|brother|cousin|aunt|uncle)'?s (?:child|son|daughter|kid|boy|girl)|"
    r"(?:my|our|his|her|the) (?:niece|nephew|godchild|friend|neighbour|colleague|classmate))\b",
    re.IGNORECASE,
)
_POSSESSIVE: Final = re.compile(
    r"\b([a-z]{3,})['’]s (?:balance|statement|(?:gate ?)?pass|fees|account|receipt|invoice)\b", re.IGNORECASE
)
_FULL_NAME: Final = re.compile(r"\b([A-Z][a-z]{2,}) ([A-Z][a-z]{2,})\b")
_NOT_NAMES: Final = frozenset(
    "tomorrow today monday tuesday wednesday thursday friday saturday sunday january february march april may june "
    "july august september october november december form grade term ecd christmas "
    "easter moms dads mum dad mother father wife husband guardian parents whatsapp employer bank visa loan".split()
)


@dataclass(frozen=True)
class Named:
    """The children that a message names."""

    numbers: tuple[int, ...] = ()
    stranger: bool = False  # somebody who is not in the list
    unclear: bool = False  # a name that several children share


def named(text: str, children: Mapping[int, str], prompt_words: frozenset[str] = frozenset()) -> Named:
    """Read the names out of a message; `prompt_words` are words of the material, which are no names."""
    words = tokens(text)
    found = tuple(number for number, name in children.items() if _first_name_in(name, words))
    if not found and len(children) > 1:
        found, shared = _by_surname(words, children)
        if shared:
            return Named(unclear=True)
    if not found and _ALL.search(text):
        return Named(tuple(children))
    return Named(found, stranger=not found and _names_stranger(text, children, prompt_words))


def neutral(text: str, children: Mapping[int, str]) -> str:
    """The text with every child's name replaced by one that the classifier has learned."""
    for name in children.values():
        first, *rest = name.split()
        text = re.sub(
            rf"{re.escape(first)}(?:\s+{re.escape(' '.join(rest))})?" if rest else re.escape(first),
            CHILD,
            text,
            flags=re.IGNORECASE,
        )
    return text


def _first_name_in(name: str, words: list[str]) -> bool:
    first = name.split()[0].lower() if name.split() else ""
    if len(first) < 2:
        return False
    if any(_is_name(word, first) for word in words):
        return True
    sound = _sound(first)  # as a telephone may write down what it hears
    return any(_sound("".join(words[at : at + 2])) == sound for at in range(len(words) - 1)) and len(sound) >= 5


def _is_name(word: str, first: str) -> bool:
    word = re.sub(r"'?s$", "", word) if not first.endswith("s") else word
    if word.endswith(first) and _PREFIX.match(word[: -len(first)]):
        return True
    return len(first) >= 5 and len(word) >= 4 and (_sound(word) == _sound(first) or _one_off(word, first))


def _sound(word: str) -> str:
    word = re.sub(r"[^a-z]", "", word).replace("l", "r").replace("y", "i").replace("ck", "k").replace("c", "k")
    return re.sub(r"[wh]$", "", re.sub(r"(.)\1+", r"\1", word))


def _one_off(word: str, name: str) -> bool:
    """Whether one letter is missing, too much, wrong or swapped."""
    if abs(len(word) - len(name)) > 1 or word[0] != name[0]:
        return False
    at = next((n for n, (a, b) in enumerate(zip(word, name, strict=False)) if a != b), min(len(word), len(name)))
    return (
        word[at:] == name[at + 1 :]
        or word[at + 1 :] == name[at:]
        or word[at + 1 :] == name[at + 1 :]
        or (word[at : at + 2] == name[at : at + 2][::-1] and word[at + 2 :] == name[at + 2 :])
    )


def _by_surname(words: list[str], children: Mapping[int, str]) -> tuple[tuple[int, ...], bool]:
    """Children by an initial or nothing before the surname; (), True when several could be meant."""
    fits = []
    for number, name in children.items():
        first, *rest = name.lower().split()
        if not rest or rest[-1] not in words:
            continue
        before = words[words.index(rest[-1]) - 1] if words.index(rest[-1]) else ""
        if len(before) == 1 and before != first[:1]:
            continue
        fits.append(number)
    return (tuple(fits), False) if len(fits) == 1 else ((), len(fits) > 1 and len("".join(words)) < 80)


def _names_stranger(text: str, children: Mapping[int, str], prompt_words: frozenset[str]) -> bool:
    if _ANOTHERS.search(text):
        return True
    own = {part.lower() for name in children.values() for part in name.split()}
    known = own | _NOT_NAMES | prompt_words | _ordinary()
    if any(name.lower() not in known for name in _POSSESSIVE.findall(text)):
        return True
    if any(not {first.lower(), last.lower()} & known for first, last in _FULL_NAME.findall(text)):
        return True
    words = tokens(gloss(text).text)
    for before, word in pairwise(words):
        if before in _BEFORE and word.isalpha() and len(word) > 2 and word not in known:
            return True
    return False


@cache
def _ordinary() -> frozenset[str]:
    """Words that parents use and that are nobody's name."""
    lines = [row.text.replace(CHILD, " ") for row in examples()]
    return frozenset(word for line in lines for word in (*tokens(line), *tokens(gloss(line).text)))
