"""What the school tells everyone, and how to find the entry that answers a question without a model."""

import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from math import log

WORD = re.compile(r"[a-z0-9]+")
# Words that say nothing about what is asked.
COMMON = frozenset(
    "a about an and any are at be by can could did do does for from give has have hello hi how i in is it know let "
    "may me much my need of on or please school should show tell thanks that the their them there they this to us "
    "was we what when where which who why will with would you your kindly want ask question".split()
)


# They say nothing of the subject, but tell one question from another: when and where is sports day?
ASKING = frozenset("how many much when where who why".split())
POLITE = frozenset("hello hi kindly please thanks".split())
LONGEST_KEY = 200
MOST_OF_A_QUESTION = 400  # characters of one that is asked twice
PLAIN = re.compile(r"[A-Za-z0-9\s.,?!'’\"“”:;()/&+🙏😊👍-]*")  # a key keeps or deliberately leaves out every such sign
APOSTROPHES = str.maketrans("", "", "'’")


def words_of(text: str) -> list[str]:
    """The telling words of a text, plural and singular alike."""
    return [_stem(word) for word in WORD.findall(text.lower().replace("'", "")) if word not in COMMON]


def _stem(word: str) -> str:
    """`classes` as `class`, `places` as `place`, `opening` as `open`."""
    if word.endswith("ies") and len(word) > 5:
        return word[:-3] + "y"
    for ending in ("sses", "xes", "ches", "shes", "uses"):
        if word.endswith(ending):
            return word[:-2]
    for ending in ("ing", "s"):
        if word.endswith(ending) and len(word) - len(ending) >= 3 and not word.endswith("ss"):
            return word[: -len(ending)]
    return word


def normalise_question(text: str) -> str:
    """One key for the same question in another case or punctuation, with or without words that say nothing.

    The order of the telling words counts: "register before pay" is another question than "pay before register".

    "" for one without content, too long to be asked twice, or with signs that the key would drop although a model reads
    them: under such a key an order to the model could be hidden beside an honest question.
    """
    if len(text) > MOST_OF_A_QUESTION or not PLAIN.fullmatch(text):
        return ""
    words = WORD.findall(text.lower().translate(APOSTROPHES))
    telling = [_stem(word) for word in words if word not in COMMON and word not in ASKING]
    key = " ".join([*sorted(ASKING.intersection(words)), *telling])
    return key if telling and len(key) <= LONGEST_KEY else ""


def _verbatim(text: str) -> str:
    """A question with every word in its place; "" where `normalise_question` has none, and for the same reasons."""
    words = WORD.findall(text.lower().translate(APOSTROPHES)) if normalise_question(text) else []
    return " ".join(word for word in words if word not in POLITE)


@dataclass(frozen=True)
class Entry:
    """One thing the school tells everyone."""

    id: str
    title: str
    questions: tuple[str, ...]  # how people ask for it
    answer: str

    def likeness(self, asked: set[str]) -> float:
        """How much of the words is shared with the most similar of its own questions, from 0 to 1."""
        known = [set(words_of(text)) for text in (self.title, *self.questions)]
        return max((len(asked & words) / len(asked | words) for words in known if words), default=0.0)


@dataclass(frozen=True)
class Knowledge:
    """All entries, searchable."""

    entries: tuple[Entry, ...]

    def entry(self, name: str) -> Entry | None:
        return next((entry for entry in self.entries if entry.id == name), None)

    @cached_property
    def _by_question(self) -> Mapping[str, Entry | None]:
        """Entries by their own questions; None for a question that two of them have."""
        found: dict[str, Entry | None] = {}
        for entry in self.entries:
            for question in filter(None, map(_verbatim, entry.questions)):
                found[question] = entry if found.get(question, entry) is entry else None
        return found

    def asked_exactly(self, text: str) -> Entry | None:
        """The entry that has this among its own questions, word for word but for case, punctuation and politeness."""
        return self._by_question.get(_verbatim(text))

    @cached_property
    def _index(self) -> tuple[list[Counter[str]], Mapping[str, float]]:
        """Weighted words of each entry, and how telling each word is (inverse document frequency)."""
        bags = []
        for entry in self.entries:
            bag = Counter(words_of(entry.answer))
            for text in (entry.title, *entry.questions):
                bag.update(dict.fromkeys(words_of(text), 3))
            bags.append(bag)
        spread = Counter(word for bag in bags for word in bag)
        return bags, {word: log(1 + len(bags) / count) for word, count in spread.items()}

    def best(self, question: str, least: float = 1.5) -> Entry | None:
        """The entry that answers the question best; None when none is near enough."""
        bags, telling = self._index
        asked = set(words_of(question))
        scored = [
            (
                sum(telling[word] * min(bag[word], 3) / 3 for word in asked if word in bag),
                self.entries[place].likeness(asked),  # decides between equally near ones
                -place,
            )
            for place, bag in enumerate(bags)
        ]
        if not scored:
            return None
        score, _, place = max(scored)
        return self.entries[-place] if score >= least else None
