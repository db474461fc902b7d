"""The gate-pass rules: who gets a pass, until when, and what happens to the one they have."""

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_CEILING, Decimal
from enum import Enum

from functions.domain.accounts import Balance
from functions.domain.money import CENT
from functions.domain.terms import Term


@dataclass(frozen=True)
class Validity:
    """How long a tier's pass is valid: to the end of term, a number of days before it, or the end of this month."""

    rule: str  # "term" | "month" | "days before"
    days: int = 0

    @classmethod
    def parse(cls, text: str) -> "Validity":
        """Read `end of term`, `end of month` or `30 days before the end of term`; ValueError says what is expected."""
        words = text.lower().split()
        if words == ["end", "of", "term"]:
            return cls("term")
        if words == ["end", "of", "month"]:
            return cls("month")
        if len(words) == 7 and words[0].isdigit() and words[1:] == ["days", "before", "the", "end", "of", "term"]:
            return cls("days before", int(words[0]))
        raise ValueError("expected 'end of term', 'end of month' or '30 days before the end of term'")

    def until(self, today: date, term: Term) -> date:
        """The last day of validity; never past the end of the term."""
        if self.rule == "month":
            last = calendar.monthrange(today.year, today.month)[1]
            return min(today.replace(day=last), term.ends)
        if self.rule == "days before":
            return min(max(term.ends - timedelta(days=self.days), today + timedelta(days=1)), term.ends)
        return term.ends


@dataclass(frozen=True)
class Tier:
    """From this share of the term's fees on, a pass of this validity."""

    name: str
    from_percent: int
    validity: Validity


class Refusal(Enum):
    """Why there is no pass."""

    NO_TERM = "no term"  # holidays
    NO_FEES = "no fees"  # nothing posted yet
    TOO_LITTLE_PAID = "too little paid"
    WITHDRAWN = "withdrawn"  # staff have revoked the pass of this term


@dataclass(frozen=True)
class Decision:
    """Either a tier with a last day, or a refusal with what is missing."""

    tier: Tier | None = None
    valid_until: date | None = None
    refusal: Refusal | None = None
    missing: Decimal = Decimal(0)  # to reach the lowest tier
    percent_needed: int = 0


def decide(balance: Balance, term: Term | None, today: date, tiers: Sequence[Tier]) -> Decision:
    """Apply the rules to one child's fresh figures of the current term.

    `tiers` fall in share. The share is compared exactly: 69.999 % is under 70 %.
    """
    if term is None or not term.holds(today):
        return Decision(refusal=Refusal.NO_TERM)
    if balance.billed <= 0:
        return Decision(refusal=Refusal.NO_FEES)
    for tier in tiers:
        if balance.paid * 100 >= balance.billed * tier.from_percent:
            return Decision(tier=tier, valid_until=tier.validity.until(today, term))
    lowest = tiers[-1].from_percent
    needed = (balance.billed * lowest / 100).quantize(CENT, rounding=ROUND_CEILING)
    return Decision(refusal=Refusal.TOO_LITTLE_PAID, missing=needed - balance.paid, percent_needed=lowest)


class Delivery(Enum):
    """What a pass request of this week gets."""

    DOCUMENT = "document"
    TEXT = "text"
    REFUSED = "refused"


def delivery(request_of_week: int, weekly_documents: int, weekly_requests: int) -> Delivery:
    """Up to `weekly_documents` requests of a child's week get the PDF, up to `weekly_requests` the details as text,
    later ones a refusal. `request_of_week` counts from 1."""
    if request_of_week <= weekly_documents:
        return Delivery.DOCUMENT
    return Delivery.TEXT if request_of_week <= weekly_requests else Delivery.REFUSED


def replaces(new: Tier, old_name: str, tiers: Sequence[Tier]) -> bool:
    """Whether a pass of tier `new` replaces a still valid one: only a higher tier does."""
    ranks = {tier.name: rank for rank, tier in enumerate(reversed(tiers))}
    return ranks[new.name] > ranks.get(old_name, -1)


class PassState(Enum):
    """What the guard reads."""

    VALID = "valid"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REVOKED = "revoked"
    UNKNOWN = "unknown"


def state_of(recorded: str | None, valid_until: date | None, today: date, *, at_school: bool = True) -> PassState:
    """The state of a recorded pass on `today`; None: there is no such pass.

    A pass that has run out says *expired*, whether or not a newer one exists; *revoked* always wins. The pass of a
    child who has left (`at_school` False) is revoked.
    """
    if recorded is None or valid_until is None:
        return PassState.UNKNOWN
    if recorded == PassState.REVOKED.value or not at_school:
        return PassState.REVOKED
    if today > valid_until:
        return PassState.EXPIRED
    return PassState(recorded)


def week_of(day: date) -> date:
    """The Monday of that day's week."""
    return day - timedelta(days=day.weekday())
