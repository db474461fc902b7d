"""Which term counts on a day, and which one a message speaks of."""

from datetime import date, timedelta
from itertools import pairwise

import pytest

from functions.domain.terms import without_mention
from tests.domain.a_school import HOLIDAYS, SCHOOL, TODAY

CALENDAR = SCHOOL.calendar
TABLE = [
    ("2025-1", date(2025, 1, 1), date(2025, 3, 31)),
    ("2025-2", date(2025, 5, 5), date(2025, 7, 31)),
    ("2025-3", date(2025, 9, 1), date(2025, 12, 31)),
    ("2026-1", date(2026, 1, 4), date(2026, 4, 2)),
    ("2026-2", date(2026, 5, 11), date(2026, 8, 6)),
    ("2026-3", date(2026, 9, 7), date(2026, 12, 3)),
]
DAY = timedelta(days=1)


def code(term: object) -> str | None:
    return getattr(term, "code", None)


def test_the_configured_terms_are_the_schools() -> None:
    assert [(term.code, term.begins, term.ends) for term in CALENDAR.terms] == TABLE


@pytest.mark.parametrize(("name", "begins", "ends"), TABLE)
def test_both_boundary_days_belong_to_the_term(name: str, begins: date, ends: date) -> None:
    for day in (begins, ends):
        assert code(CALENDAR.current(day)) == name
        assert CALENDAR.billing(day).code == name
    assert CALENDAR.current(begins - DAY) is None
    assert CALENDAR.current(ends + DAY) is None


@pytest.mark.parametrize(("earlier", "later"), list(pairwise(TABLE)))
def test_between_terms_the_ended_one_is_billed_and_the_next_is_known(
    earlier: tuple[str, date, date], later: tuple[str, date, date]
) -> None:
    for day in (earlier[2] + DAY, later[1] - DAY):
        assert CALENDAR.billing(day).code == earlier[0]
        assert code(CALENDAR.next(day)) == later[0]


def test_before_the_first_and_after_the_last_term() -> None:
    assert CALENDAR.billing(date(2024, 12, 1)).code == "2025-1"
    assert code(CALENDAR.next(date(2024, 12, 1))) == "2025-1"
    assert CALENDAR.billing(date(2027, 1, 1)).code == "2026-3"
    assert CALENDAR.next(date(2027, 1, 1)) is None


def test_on_its_first_day_a_term_is_not_the_next() -> None:
    assert code(CALENDAR.next(date(2026, 9, 7))) is None
    assert code(CALENDAR.next(date(2026, 9, 6))) == "2026-3"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("2026-2", "2026-2"),
        ("balance 2025-3", "2025-3"),
        ("statement 2026/1 please", "2026-1"),
        ("2026 . 2", "2026-2"),
        ("2031-3", "2031-3"),
        ("term 2", "2026-2"),
        ("Term2 balance", "2026-2"),
        ("term 2 2025", "2025-2"),
        ("term 2 of 2025", "2025-2"),
        ("2025 term 3 statement", "2025-3"),
        ("second term", "2026-2"),
        ("3rd term 2025", "2025-3"),
        ("term one", "2026-1"),
        ("last term", "2026-2"),
        ("the previous term's statement", "2026-2"),
        ("this term", "2026-3"),
        ("LAST  TERM", "2026-2"),
    ],
)
def test_term_is_recognised_in_words(text: str, found: str) -> None:
    assert CALENDAR.mentioned(text, TODAY) == found


@pytest.mark.parametrize(
    "text",
    [
        "balance",
        "I paid on 2026-09-07",
        "2026-1-15",
        "on 2026/3/1",
        "Form 2",
        "grade 3",
        "SSC20257279",
        "termination 2",
        "term 12",
        "",
        "0772026123",
    ],
)
def test_words_without_a_term_name_none(text: str) -> None:
    assert CALENDAR.mentioned(text, TODAY) is None


def test_last_and_next_term_in_the_holidays() -> None:
    assert CALENDAR.mentioned("last term", HOLIDAYS) == "2026-2"  # the one that has just ended
    assert CALENDAR.mentioned("next term", HOLIDAYS) == "2026-3"
    assert CALENDAR.mentioned("next term", TODAY) is None  # not set yet
    assert CALENDAR.mentioned("last term", date(2025, 2, 1)) == "2025-1"  # there is none before


@pytest.mark.parametrize("text", ["2026-2", "term 2 of 2025", "Third Term", "last term", "2025 term 3"])
def test_words_that_name_a_term_can_be_removed(text: str) -> None:
    assert without_mention(f"balance {text}").strip() == "balance"


def test_title_names_term_and_year() -> None:
    assert [term.title for term in CALENDAR.terms[-2:]] == ["Term 2, 2026", "Term 3, 2026"]
