"""School terms: which one counts today, what a code means, when the next begins. One rule for every feature."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

_NUMBERS = {"one": "1", "two": "2", "three": "3", "first": "1", "second": "2", "third": "3"} | {
    f"{number}{ending}": number for number, ending in (("1", "st"), ("2", "nd"), ("3", "rd"))
}
_CODE = re.compile(r"(?<!\d)(?P<year>20\d{2})\s*[-/.]\s*(?P<number>[1-9])(?!\d|\s*[-/.]\s*\d)")  # no date: 2026-1-15
_NAMED = re.compile(
    r"\b(?:(?P<before>20\d{2})\s+)?"
    r"(?:term\s*(?P<number>[1-9]|one|two|three)|(?P<ordinal>first|second|third|1st|2nd|3rd)\s+term)\b"
    r"(?:\s*(?:of|,)?\s*(?P<after>20\d{2})\b)?",
    re.IGNORECASE,
)
_RELATIVE = re.compile(r"\b(?P<which>last|previous|this|current|next)\s+term\b", re.IGNORECASE)


def without_mention(text: str) -> str:
    """The text without the words that name a term."""
    for pattern in (_CODE, _NAMED, _RELATIVE):
        text = pattern.sub(" ", text)
    return text


@dataclass(frozen=True, order=True)
class Term:
    """One school term, both days included."""

    begins: date
    ends: date
    code: str  # "2026-3"

    @property
    def title(self) -> str:
        """For people: `Term 3, 2026`."""
        year, number = self.code.split("-")
        return f"Term {number}, {year}"

    def holds(self, day: date) -> bool:
        return self.begins <= day <= self.ends


@dataclass(frozen=True)
class Calendar:
    """All terms the school has set, in order of time."""

    terms: tuple[Term, ...]

    @classmethod
    def of(cls, terms: Sequence[Term]) -> "Calendar":
        return cls(tuple(sorted(terms)))

    def current(self, day: date) -> Term | None:
        """The term that `day` lies in; None in the holidays."""
        return next((term for term in self.terms if term.holds(day)), None)

    def next(self, day: date) -> Term | None:
        """The first term that begins after `day`."""
        return next((term for term in self.terms if term.begins > day), None)

    def billing(self, day: date) -> Term:
        """The term whose account is shown by default: the current one, else the last ended, else the first."""
        begun = [term for term in self.terms if term.begins <= day]
        return begun[-1] if begun else self.terms[0]

    def find(self, code: str) -> Term | None:
        return next((term for term in self.terms if term.code == code), None)

    def mentioned(self, text: str, day: date) -> str | None:
        """The term code that a message speaks of (`2026-2`, `term 2`, `last term`), known to the school or not."""
        if match := _CODE.search(text):
            return f"{match['year']}-{match['number']}"
        billing = self.billing(day)
        if match := _NAMED.search(text):
            number = (match["number"] or match["ordinal"]).lower()
            year = match["before"] or match["after"] or billing.code.split("-")[0]
            return f"{year}-{_NUMBERS.get(number, number)}"
        match = _RELATIVE.search(text)
        which = match["which"].lower() if match else ""
        if which == "next":
            following = self.next(day)
            return following.code if following else None
        if which in ("last", "previous") and self.current(day):
            return self.terms[max(self.terms.index(billing) - 1, 0)].code
        return billing.code if which else None
