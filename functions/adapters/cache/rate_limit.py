"""How often something may be done: calls of the school's API a minute, and what a person may ask for in a day."""

from typing import Final

from redis.cluster import RedisCluster

from functions.adapters.cache.redis_client import RedisClient, key, pipeline

BURST: Final = 10  # seconds' worth of calls that may be made at once after a quiet time
LATENESS: Final = 2  # seconds by which a call may come later than its turn
DAY_LIFE: Final = 2 * 24 * 3600  # seconds that a day's counter is kept

# Generic cell rate algorithm: each call moves the key's time forward by one interval; the wait is how far ahead of
# now it is. Reserves nothing when the wait would be longer than the caller accepts.
_RESERVE: Final = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now - tonumber(ARGV[3]))
local wait = math.max(due + (tonumber(ARGV[2]) - 1) * tonumber(ARGV[1]) - now, 0)
if wait > tonumber(ARGV[4]) then return '-1' end
redis.call('SET', KEYS[1], due + tonumber(ARGV[2]) * tonumber(ARGV[1]), 'EX', 3600)
return tostring(wait)
"""


class RateLimit:
    """The ceiling of the school's API, shared by all functions."""

    def __init__(self, redis: RedisClient, calls_per_minute: int) -> None:
        """`calls_per_minute`: of each kind of call."""
        self._redis = redis
        self._calls_per_minute = calls_per_minute

    def reserve(self, calls: int, max_wait: float) -> float | None:
        """Reserve `calls` calls of each kind; the seconds to wait before making them.

        None: the wait would be longer than `max_wait`, and nothing was reserved. When the cache is down, everyone
        goes at once and waits for the school's own 429.
        """
        # The window is widened so that no minute has more calls, not even the one after a quiet time.
        interval = (60 + BURST + LATENESS) / self._calls_per_minute

        def take(cluster: RedisCluster) -> float | None:
            answer = cluster.eval(_RESERVE, 1, key("turn", "school-api"), interval, calls, BURST, max_wait)
            wait = float(answer)
            return None if wait < 0 else wait

        no_wait: float | None = 0.0
        return self._redis.run(take, no_wait)


class DailyCounter:
    """Counts per person and day."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    def add(self, name: str, person_key: str, day: str, amount: int = 1) -> int | None:
        """The count of that day, `amount` included; None when the cache is down. `day`: an ISO date."""

        def increment(cluster: RedisCluster) -> int:
            pipe = pipeline(cluster)
            pipe.incrby(key(name, person_key, day), amount)
            pipe.expire(key(name, person_key, day), DAY_LIFE)
            return int(pipe.execute()[0])

        return self._redis.run(increment, None)

    def is_first(self, name: str, person_key: str, day: str, message_id: str) -> bool | None:
        """Whether this message is the first of that day, also when it is tried again; None when the cache is down."""

        def mark(cluster: RedisCluster) -> bool:
            pipe = pipeline(cluster)
            pipe.set(key(name, person_key, day), message_id, nx=True, ex=DAY_LIFE)
            pipe.get(key(name, person_key, day))
            return bool(pipe.execute()[1] == message_id)

        return self._redis.run(mark, None)
