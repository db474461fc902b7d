"""School terms: which one counts today, what a code means, when the next begins. One rule for every feature."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date


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

    def code_of(self, which: str, year: str | None, day: date) -> str | None:
        """The code of the term that a message names, known to the school or not; None for one that is not set yet.

        `which` is its number ("1" to "9"), "last", "this" or "next"; `year` may come with a number.
        """
        billing = self.billing(day)
        if which == "next":
            following = self.next(day)
            return following.code if following else None
        if which == "last" and self.current(day):
            return self.terms[max(self.terms.index(billing) - 1, 0)].code
        if which in ("last", "this"):
            return billing.code
        return f"{year or billing.code.split('-')[0]}-{which}"
