"""The passage of the material that answers a question, by meaning and by telling words."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache, lru_cache
from math import log
from pathlib import Path
from typing import Final

import numpy as np

from local.world.language_model import embedding
from local.world.language_model.text import clean, gloss, tokens

TOPICS: Final = Path(__file__).with_name("topics.txt")
LEAST: Final = 0.057  # how much better than the average passage the best one must be
WORDS_WEIGHT: Final = 0.04  # telling words that the question and the passage share, beside the cosine of their meaning
TOPIC_WEIGHT: Final = 0.06  # the title speaks of the topic of the question
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
    index = _index(tuple(passages))
    near = index.vectors @ embedding.of_message(asked)
    scores = near - near.mean() + WORDS_WEIGHT * index.shared(asked) + TOPIC_WEIGHT * index.on_topic(asked)
    place = int(scores.argmax())
    return _body(passages[place]) if scores[place] >= LEAST else None


@dataclass(frozen=True)
class _Index:
    """All passages of one prompt."""

    vectors: embedding.Vector  # the mean of title and whole, a row each
    words: list[frozenset[str]]
    title_words: list[frozenset[str]]
    telling: dict[str, float]  # inverse document frequency

    def shared(self, asked: str) -> embedding.Vector:
        """How much of the question's telling words each passage holds; those of a title twice."""
        wanted = _words(asked)
        known = sum(self.telling.get(word, 3.0) for word in wanted) or 1.0
        return np.array(
            [
                sum(self.telling[word] * (2 if word in title else 1) for word in wanted & held) / known
                for held, title in zip(self.words, self.title_words, strict=True)
            ],
            np.float32,
        )

    def on_topic(self, asked: str) -> embedding.Vector:
        """How much of the words of a topic of the question each title holds."""
        found = np.zeros(len(self.words), np.float32)
        for words, phrases in _topics():
            if phrases.search(asked.replace("-", " ")):
                share = [len(words & title) / len(words) for title in self.title_words]
                found = np.maximum(found, np.array(share, np.float32))
        return found


@lru_cache(maxsize=8)
def _index(passages: tuple[str, ...]) -> _Index:
    titles = [_title(passage) for passage in passages]
    vectors = np.stack([_vector(title, passage) for title, passage in zip(titles, passages, strict=True)])
    words = [frozenset(_words(passage)) for passage in passages]
    spread = {word: sum(word in held for held in words) for word in frozenset().union(*words)}
    telling = {word: log(1 + len(passages) / count) for word, count in spread.items()}
    return _Index(vectors, words, [frozenset(map(_stem, tokens(title))) for title in titles], telling)


@cache
def _vector(title: str, passage: str) -> embedding.Vector:
    vector: embedding.Vector = (embedding.of_message(title.lower()) + embedding.of_passages([passage])[0]) / 2
    return vector


@cache
def _topics() -> tuple[tuple[frozenset[str], re.Pattern[str]], ...]:
    """(words of a title, phrases of a question) for each line of topics.txt."""
    found = []
    for line in TOPICS.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            title, _, phrases = line.partition(" = ")
            ways = "|".join(r"\w*\s+".join(map(re.escape, phrase.split())) for phrase in phrases.split(","))
            found.append((frozenset(map(_stem, tokens(title))), re.compile(rf"\b(?:{ways})")))
    return tuple(found)


def _title(passage: str) -> str:
    first = passage.split("\n", 1)[0].lstrip("#-*• ")
    return first if "\n" in passage and len(first) < 70 else first.split(":", 1)[0][:60]


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
