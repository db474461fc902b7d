"""What is kept of the last turns of a conversation, so that "and on Fridays?" is understood."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from functions.domain.people import Person
from functions.domain.phrases import Phrases
from functions.domain.words import tokens

MOST_TURNS: Final = 4
LIFE: Final = 30 * 60  # seconds
MOST_OF_A_SIDE: Final = 300  # characters
QUESTION_BACK: Final = "question_back"  # kind of an answer that asks
FEW_WORDS: Final = 3  # of a question that may be about what was said before: "ko neChishanu?"
# A code that a bank or a shop has sent: 4 to 8 digits, perhaps in two groups.
_CODE: Final = re.compile(r"(?<!\d)(?:\d{4,8}|\d{3}[ -]\d{3})(?!\d)")


@dataclass(frozen=True)
class Turn:
    """One earlier exchange. `answer` is the text of an answer or a question back; "" where figures went out."""

    asked: str
    kind: str  # of the reply: answer, question_back, balance, statement, gate_pass, …
    answer: str = ""
    student_ids: tuple[str, ...] = ()  # whom the reply was about
    term: str | None = None
    family: tuple[str, ...] = ()  # all children of the sender at that time

    def as_json(self) -> dict[str, object]:
        return {
            "asked": self.asked,
            "kind": self.kind,
            "answer": self.answer,
            "student_ids": list(self.student_ids),
            "term": self.term,
            "family": list(self.family),
        }

    @classmethod
    def read(cls, value: object) -> "Turn | None":
        """From `as_json`; None for anything else."""
        if not isinstance(value, Mapping) or not isinstance(value.get("asked"), str):
            return None
        ids, family, term = value.get("student_ids"), value.get("family"), value.get("term")
        return cls(
            value["asked"],
            str(value.get("kind") or ""),
            str(value.get("answer") or ""),
            tuple(map(str, ids)) if isinstance(ids, list) else (),
            term if isinstance(term, str) else None,
            tuple(map(str, family)) if isinstance(family, list) else (),
        )


def read_turns(value: object) -> tuple[Turn, ...]:
    """Those of a list that can be read, the oldest first."""
    return tuple(filter(None, map(Turn.read, value))) if isinstance(value, list) else ()


def recall(stored: Iterable[object], person: Person) -> tuple[Turn, ...]:
    """The turns that may be used for this person: none from when the number belonged to other children."""
    family = family_of(person)
    turns = [turn for turn in map(Turn.read, stored) if turn]
    return tuple(turn for turn in turns if turn.family == family)[-MOST_TURNS:]


def shortened(text: str) -> str:
    """A side of a turn as it is kept: on one line."""
    return " ".join(text.split())[:MOST_OF_A_SIDE]


def may_continue(text: str, phrases: Phrases) -> bool:
    """Whether the words may be about what was said before, so that they mean something else to someone else."""
    words = tokens(text)
    return len([word for word in words if word != "?"]) <= FEW_WORDS or not phrases.context_words.isdisjoint(words)


def has_code(text: str, phrases: Phrases) -> bool:
    """Whether a one-time code stands in the words, which are then not kept: digits beside a word for one, or alone."""
    if not _CODE.search(text):
        return False
    words = [word for word in tokens(text) if word != "?"]
    return not phrases.code_words.isdisjoint(words) or all(word.isdigit() for word in words)


def family_of(person: Person) -> tuple[str, ...]:
    """Every child of the sender."""
    return tuple(sorted(student.id for student in person.students))
