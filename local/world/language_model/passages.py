"""The passage of the material that answers a question, by meaning and by telling words."""

import re
from collections.abc import Sequence
from functools import cache, lru_cache
from math import log
from typing import Final

import numpy as np

from local.world.language_model import embedding
from local.world.language_model.text import clean, gloss

LEAST: Final = 0.048  # how much nearer than the average passage the best one must be, in cosine
WORDS_WEIGHT: Final = 0.04
_WORD: Final = re.compile(r"[a-z]+|\d[\d.,-]*\d|\d")
_COMMON: Final = frozenset(
    "a about all an and any are as at be been but by can could did do does for from get give go has have he her him "
    "his how i if in into is it its know let like may me more much must my need no not of on one or our please "
    "school schools shall she should show so some still tell than that the their them then there these they this to "
    "too up us want was we were what when where which who why will with would you your child children kid son "
    "daughter write happen happens long many come coming today really every".split()
)


def best(question: str, passages: Sequence[str]) -> str | None:
    """The body of the passage nearest to the question; None when none is near enough."""
    if not passages:
        return None
    asked = gloss(clean(question)).text.lower()
    vectors, words, telling = _index(tuple(passages))
    near = vectors @ embedding.of_message(asked)
    wanted = _words(asked)
    known = sum(telling.get(word, 3.0) for word in wanted) or 1.0
    shared = np.array([sum(telling[word] for word in wanted & held) / known for held in words], np.float32)
    scores = near - near.mean() + WORDS_WEIGHT * shared
    place = int(scores.argmax())
    return _body(passages[place]) if scores[place] >= LEAST else None


@lru_cache(maxsize=8)
def _index(passages: tuple[str, ...]) -> tuple[embedding.Vector, list[frozenset[str]], dict[str, float]]:
    vectors = np.stack([_vector(passage) for passage in passages])
    words = [frozenset(_words(passage)) for passage in passages]
    spread = {word: sum(word in held for held in words) for word in frozenset().union(*words)}
    return vectors, words, {word: log(1 + len(passages) / count) for word, count in spread.items()}


@cache
def _vector(passage: str) -> embedding.Vector:
    vector: embedding.Vector = embedding.of_passages([passage])[0]
    return vector


def _words(text: str) -> set[str]:
    return {_stem(word) for word in _WORD.findall(text.lower()) if word not in _COMMON}


def _stem(word: str) -> str:
    for ending in ("ations", "ation", "ments", "ment", "ings", "ing", "ies", "ions", "ion", "ed", "es", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 4:
            return word[: -len(ending)]
    return word


def _body(passage: str) -> str:
    """The text of a passage without its title or label."""
    first, _, rest = passage.partition("\n")
    if rest and len(first) < 70:
        return re.sub(r"^(?:answer|a)\s*:\s*", "", rest.strip(), flags=re.IGNORECASE)
    return re.sub(r"^[-*•#\s]*(?:\[[\w-]+\]\s*)?(?:[A-Z][\w ,/'-]{2,50}:\s+(?=\S))?", "", passage).strip() or passage
