"""What the tests of the cache share: a look into Redis, and a clock that moves."""

import time
from collections.abc import Callable

import pytest
from redis.cluster import RedisCluster

from functions.adapters.cache.redis_client import RedisClient


@pytest.fixture
def cluster(redis: RedisClient) -> RedisCluster:
    """The server behind the empty cache."""
    return redis.cluster()


@pytest.fixture
def advance_clock(environment: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves our clock ahead by some seconds; Redis keeps its own."""

    def advance(seconds: float) -> None:
        moment = time.time() + seconds
        environment.setattr(time, "time", lambda: moment)

    return advance
