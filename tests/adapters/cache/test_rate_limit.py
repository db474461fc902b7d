"""Calls of the school's API are spread over the minute; what a person asks for is counted by day."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from functions.adapters.cache.rate_limit import DailyCounter, RateLimit
from functions.adapters.cache.redis_client import RedisClient


@pytest.fixture
def limit(redis: RedisClient) -> RateLimit:
    """One call a second, ten at once: 70 in the fullest minute."""
    return RateLimit(redis, 72)


# --- calls of the school's API ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("redis_at")
def test_waits_grow_by_the_rate_once_the_burst_is_used(limit: RateLimit) -> None:
    waits = [limit.reserve(1, 20) for _ in range(15)]
    assert waits[:10] == [0.0] * 10
    assert waits[10:] == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("redis_at")
def test_family_reserves_as_many_calls_as_it_has_children(limit: RateLimit) -> None:
    assert limit.reserve(10, 20) == 0
    assert limit.reserve(5, 20) == 4  # the fifth call is 4 s after the first
    assert limit.reserve(1, 20) == 5


@pytest.mark.usefixtures("redis_at")
def test_wait_beyond_the_accepted_one_reserves_nothing(limit: RateLimit) -> None:
    limit.reserve(20, 20)
    assert [limit.reserve(1, 5) for _ in range(5)] == [None] * 5
    assert limit.reserve(1, 20) == 10


def test_nobody_waits_while_the_rate_is_kept(limit: RateLimit, redis_at: Callable[[int], None]) -> None:
    limit.reserve(10, 20)
    redis_at(1060)
    assert [limit.reserve(1, 0) for _ in range(10)] == [0.0] * 10  # and no more than ten were saved up
    assert limit.reserve(3, 20) == 2


@pytest.mark.usefixtures("redis_at")
def test_simultaneous_reservations_are_all_different(limit: RateLimit) -> None:
    limit.reserve(10, 100)
    with ThreadPoolExecutor(8) as pool:
        waits = sorted(wait for wait in pool.map(lambda _: limit.reserve(1, 100), range(16)) if wait is not None)
    assert waits == list(range(16))


# --- counts of a day --------------------------------------------------------------------------------------------------


def test_count_is_kept_by_name_person_and_day(redis: RedisClient) -> None:
    counter = DailyCounter(redis)
    assert [counter.add("questions", "a", "2026-11-23") for _ in range(3)] == [1, 2, 3]
    assert counter.add("questions", "b", "2026-11-23") == 1
    assert counter.add("questions", "a", "2026-11-24") == 1
    assert [counter.add("look-ups", "a", "2026-11-23", 2) for _ in range(2)] == [2, 4]
