"""The days that the hit rate is measured on, and the families that the latencies are."""

from itertools import groupby

import pytest

from bench.rush import PARENTS, STUDENTS
from bench.stage import TODAY, families
from bench.traces import FIRST_WEEK_HOURS, HOUR, ORDINARY_HOURS, QUESTIONS, WISHES, day, most_accounts, rush
from local.world.sample import SampleSchool

SINGLE = {wish for wishes in WISHES for wish in wishes if wish != "question"}


def test_the_same_seed_gives_the_same_day() -> None:
    assert day(100, 500, ORDINARY_HOURS, seed=1) == day(100, 500, ORDINARY_HOURS, seed=1)
    assert day(100, 500, ORDINARY_HOURS, seed=1) != day(100, 500, ORDINARY_HOURS, seed=2)


def test_a_day_has_its_messages_in_order_and_whole_sittings() -> None:
    written = day(1_000, 1_000, ORDINARY_HOURS, seed=1)
    assert 1_000 <= len(written) <= 1_004
    assert written == sorted(written)
    assert {one.wish for one in written} <= {"hi", *SINGLE, *QUESTIONS}
    assert all(6 * HOUR <= one.at < 22 * HOUR + 300 for one in written)


@pytest.mark.parametrize("greeting", [0.5, 0.9])
def test_so_many_sittings_begin_with_a_greeting(greeting: float) -> None:
    written = sorted(day(100_000, 4_000, ORDINARY_HOURS, seed=1, greeting=greeting), key=lambda one: one.parent)
    first = [next(iter(group)) for _, group in groupby(written, key=lambda one: one.parent)]
    assert sum(one.wish == "hi" for one in first) / len(first) == pytest.approx(greeting, abs=0.04)


def test_most_of_a_first_day_comes_within_two_hours() -> None:
    written = day(1_000, 5_000, FIRST_WEEK_HOURS, seed=1)
    assert sum(7 * HOUR <= one.at < 9 * HOUR for one in written) / len(written) > 0.7


def test_in_a_rush_every_parent_writes_once() -> None:
    written = rush(500, 60.0, 1, greeting=0.3)
    assert {one.parent for one in written} == set(range(500))
    assert len(written) == 500
    assert max(one.at for one in written) < 60
    assert 0.2 < sum(one.wish == "hi" for one in written) / 500 < 0.4


def test_there_are_families_to_measure_and_parents_for_the_rush() -> None:
    school = SampleSchool.build(TODAY)
    for children in (1, 3):
        for family in families(school, children, 5):
            assert len(family.children) == children
            assert {child.id for child in school.children_of(family.parent.phone or "")} == set(family.ids)
            assert all((child.share or 0) >= 50 for child in family.children)
    from bench.hit_rate import parents_of

    assert len(parents_of(SampleSchool.of_size(STUDENTS, TODAY))) >= PARENTS


def test_what_can_be_in_the_cache_is_bounded_by_who_does_not_greet() -> None:
    assert most_accounts(1.0) == 1
    assert most_accounts(0.0) == pytest.approx(1 - 88 / 118)  # of 118 wishes for figures 88 are a sitting's first
    assert most_accounts(0.7) == pytest.approx(0.776, abs=0.001)


def test_too_few_families_are_said_so() -> None:
    with pytest.raises(ValueError, match="no family of 9 such children"):
        families(SampleSchool.build(TODAY), 9, 1)
