"""What the tests of the cache share: a look into Redis."""

import pytest
from redis.cluster import RedisCluster

from functions.adapters.cache.redis_client import RedisClient


@pytest.fixture
def cluster(redis: RedisClient) -> RedisCluster:
    """The server behind the empty cache."""
    return redis.cluster()
