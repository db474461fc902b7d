"""Who gets a gate pass, until when, and what the guard reads."""

from calendar import monthrange
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.accounts import Balance
from functions.domain.gate_passes import (
    Decision,
    Delivery,
    PassState,
    Refusal,
    Tier,
    Validity,
    decide,
    delivery,
    replaces,
    state_of,
    week_of,
)
from functions.domain.terms import Term
from tests.domain.a_school import HOLIDAYS, SCHOOL, TODAY, balance

TERMS = SCHOOL.calendar.terms
TERM = TERMS[-1]  # 2026-09-07 to 2026-12-03
FULL, MOST, HALF = SCHOOL.tiers
CENT = Decimal("0.01")
BILLED = st.integers(min_value=1, max_value=10**8).map(lambda cents: Decimal(cents) / 100)
TERM_AND_DAY = st.sampled_from(TERMS).flatmap(lambda term: st.tuples(st.just(term), st.dates(term.begins, term.ends)))


def tier_of(paid: str, billed: str = "400") -> str | None:
    decision = decide(balance(billed, paid), TERM, TODAY, SCHOOL.tiers)
    return decision.tier.name if decision.tier else None


def test_the_configured_tiers_are_the_schools() -> None:
    assert [(tier.from_percent, tier.validity) for tier in SCHOOL.tiers] == [
        (100, Validity("term")),
        (70, Validity("days before", 30)),
        (50, Validity("month")),
    ]


@pytest.mark.parametrize(
    ("billed", "paid", "tier"),
    [
        ("400", "480", "full"),
        ("400", "400", "full"),
        ("400", "399.99", "most"),
        ("400", "280", "most"),
        ("400", "279.99", "half"),
        ("100", "69.99", "half"),
        ("10000", "6999.99", "half"),
        ("400", "200", "half"),
        ("400", "199.99", None),
        ("10000", "4999.99", None),
        ("400", "0", None),
        ("400", "-20", None),  # a refund
    ],
)
def test_boundaries_are_exact(billed: str, paid: str, tier: str | None) -> None:
    assert tier_of(paid, billed) == tier


@given(BILLED, st.integers(min_value=0, max_value=2 * 10**8), TERM_AND_DAY)
def test_any_share_gets_its_tier_and_never_a_day_too_long(
    billed: Decimal, paid_cents: int, when: tuple[Term, date]
) -> None:
    (term, today), paid = when, Decimal(paid_cents) / 100
    decision = decide(Balance(billed, paid), term, today, SCHOOL.tiers)
    share = paid * 100 / billed if paid < billed else Decimal(100)
    expected = FULL if paid >= billed else MOST if paid * 100 >= 70 * billed else HALF if 2 * paid >= billed else None
    assert decision.tier == expected, share
    if expected is None:
        assert decision.refusal == Refusal.TOO_LITTLE_PAID
        return
    assert decision.refusal is None
    assert decision.valid_until is not None
    assert today <= decision.valid_until <= term.ends


@given(BILLED, st.integers(min_value=0, max_value=10**8))
def test_paying_what_is_missing_gets_a_pass_and_a_cent_less_does_not(billed: Decimal, paid_cents: int) -> None:
    paid = Decimal(paid_cents) / 100
    decision = decide(Balance(billed, paid), TERM, TODAY, SCHOOL.tiers)
    if decision.refusal is None:
        return
    assert (decision.missing > 0, decision.percent_needed) == (True, 50)
    assert decide(Balance(billed, paid + decision.missing), TERM, TODAY, SCHOOL.tiers).tier is not None
    assert decide(Balance(billed, paid + decision.missing - CENT), TERM, TODAY, SCHOOL.tiers).tier is None


@given(TERM_AND_DAY)
def test_each_validity_ends_as_the_table_says(when: tuple[Term, date]) -> None:
    term, today = when
    tomorrow = today + timedelta(days=1)
    assert FULL.validity.until(today, term) == term.ends
    most = MOST.validity.until(today, term)
    assert most == min(term.ends, max(term.ends - timedelta(days=30), tomorrow))
    half = HALF.validity.until(today, term)
    assert half == min(term.ends, today.replace(day=monthrange(today.year, today.month)[1]))


@pytest.mark.parametrize(
    ("tier", "today", "until"),
    [
        (FULL, date(2026, 9, 7), date(2026, 12, 3)),
        (MOST, date(2026, 9, 7), date(2026, 11, 3)),
        (MOST, date(2026, 11, 2), date(2026, 11, 3)),
        (MOST, date(2026, 11, 3), date(2026, 11, 4)),  # at least until tomorrow
        (MOST, date(2026, 12, 2), date(2026, 12, 3)),
        (MOST, date(2026, 12, 3), date(2026, 12, 3)),  # but never past the end of the term
        (HALF, date(2026, 9, 7), date(2026, 9, 30)),
        (HALF, date(2026, 11, 30), date(2026, 11, 30)),
        (HALF, date(2026, 12, 1), date(2026, 12, 3)),
        (HALF, date(2025, 2, 10), date(2025, 2, 28)),
    ],
)
def test_last_day_of_a_pass_by_tier_and_day_of_issue(tier: Tier, today: date, until: date) -> None:
    term = SCHOOL.calendar.current(today)
    assert term is not None
    assert tier.validity.until(today, term) == until


def test_no_pass_outside_a_term() -> None:
    refusal = Decision(refusal=Refusal.NO_TERM)
    assert decide(balance("400", "400"), None, TODAY, SCHOOL.tiers) == refusal
    assert decide(balance("400", "400"), TERM, HOLIDAYS, SCHOOL.tiers) == refusal
    assert decide(balance("400", "400"), TERM, date(2026, 12, 4), SCHOOL.tiers) == refusal


@pytest.mark.parametrize("paid", ["0", "400"])
def test_no_pass_before_fees_are_posted(paid: str) -> None:
    assert decide(balance("0", paid), TERM, TODAY, SCHOOL.tiers) == Decision(refusal=Refusal.NO_FEES)


def test_the_refusal_says_what_is_missing() -> None:
    decision = decide(balance("650", "100"), TERM, TODAY, SCHOOL.tiers)
    assert (decision.tier, decision.valid_until) == (None, None)
    assert (decision.missing, decision.percent_needed) == (Decimal("225.00"), 50)
    odd = decide(balance("0.01", "0"), TERM, TODAY, SCHOOL.tiers)
    assert odd.missing == CENT


def test_delivery_depends_on_how_often_a_pass_was_asked_for_this_week() -> None:
    given_out = [delivery(count, SCHOOL.weekly_documents, SCHOOL.weekly_requests) for count in range(1, 9)]
    assert given_out == [Delivery.DOCUMENT] * 3 + [Delivery.TEXT] * 2 + [Delivery.REFUSED] * 3


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (FULL, "most", True),
        (FULL, "half", True),
        (MOST, "half", True),
        (HALF, "half", False),
        (MOST, "full", False),
        (HALF, "full", False),
        (HALF, "a tier that the school has dropped", True),
    ],
)
def test_only_a_higher_tier_replaces(new: Tier, old: str, expected: bool) -> None:
    assert replaces(new, old, SCHOOL.tiers) is expected


@pytest.mark.parametrize(
    ("recorded", "days_left", "state"),
    [
        ("valid", 1, PassState.VALID),
        ("valid", 0, PassState.VALID),  # the last day counts
        ("valid", -1, PassState.EXPIRED),
        ("replaced", 5, PassState.REPLACED),
        ("replaced", -1, PassState.EXPIRED),
        ("revoked", 5, PassState.REVOKED),
        ("revoked", -5, PassState.REVOKED),
        (None, 5, PassState.UNKNOWN),
    ],
)
def test_state_that_the_guard_reads(recorded: str | None, days_left: int, state: PassState) -> None:
    assert state_of(recorded, TODAY + timedelta(days=days_left), TODAY) == state


def test_the_pass_of_a_child_who_has_left_is_revoked() -> None:
    assert state_of("valid", TODAY, TODAY, at_school=False) == PassState.REVOKED
    assert state_of(None, None, TODAY, at_school=False) == PassState.UNKNOWN


def test_a_pass_without_a_last_day_is_unknown() -> None:
    assert state_of("valid", None, TODAY) == PassState.UNKNOWN


@given(st.dates(date(2025, 1, 1), date(2030, 1, 1)))
def test_a_week_begins_on_monday(day: date) -> None:
    monday = week_of(day)
    assert monday.weekday() == 0
    assert timedelta(0) <= day - monday <= timedelta(days=6)


def test_sunday_and_monday_are_two_weeks() -> None:
    assert week_of(date(2026, 11, 22)) == date(2026, 11, 16)
    assert week_of(date(2026, 11, 23)) == date(2026, 11, 23)


@pytest.mark.parametrize(
    ("text", "validity"),
    [
        ("end of term", Validity("term")),
        ("End of  Month", Validity("month")),
        ("14 days before the end of term", Validity("days before", 14)),
    ],
)
def test_a_validity_is_configured_in_words(text: str, validity: Validity) -> None:
    assert Validity.parse(text) == validity


@pytest.mark.parametrize("text", ["", "end of year", "30 days", "-3 days before the end of term", "forever"])
def test_an_unknown_validity_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="end of term"):
        Validity.parse(text)
