"""Accounts in the cache: what was billed and paid for each student and term."""

import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from redis.cluster import RedisCluster

from functions.adapters.cache.redis_client import HARD_LIFE, CachedValue, RedisClient, key, pack, pipeline, unpack

SOFT_LIFE: Final = 300  # seconds
FORGOTTEN_LIFE: Final = 120  # seconds: longer than a fetch that began before the payment can take

# Stores an account unless what is there is as new: figures of a later fetch, or the mark of a payment.
_STORE_IF_NEWER: Final = """
local fine, stored = pcall(cjson.decode, redis.call('GET', KEYS[1]) or '')
if fine and type(stored) == 'table' and (tonumber(stored.at) or 0) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""


class AccountCache:
    """Values are `{"bills": [line], "payments": [line]}`, as the school's API gave them."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    def get(self, student_ids: Sequence[str], term: str) -> dict[str, CachedValue]:
        """The cached account of each student who has one, by student id."""

        def read(cluster: RedisCluster) -> dict[str, CachedValue]:
            pipe = pipeline(cluster)
            for student_id in student_ids:
                pipe.get(key("account", student_id, term))
            found = zip(student_ids, map(unpack, pipe.execute()), strict=True)
            return {student_id: cached for student_id, cached in found if cached and _is_account(cached.value)}

        return self._redis.run(read, {})

    def forget(self, student_id: str, term: str) -> None:
        """The school has booked something: the next reader fetches anew.

        A mark stays for as long as a fetch from before may be under way, so that its figures are not stored.
        """
        name = key("account", student_id, term)
        self._redis.run(lambda cluster: cluster.set(name, pack(None), ex=FORGOTTEN_LIFE), None)

    def store(self, term: str, accounts: Mapping[str, object], fetched_at: float) -> None:
        """Store these accounts by student id, in one round trip."""

        def write(cluster: RedisCluster) -> None:
            pipe = pipeline(cluster)
            queue_store(pipe, term, accounts, fetched_at)
            pipe.execute()

        if accounts:
            self._redis.run(write, None)


def queue_store(pipe: Any, term: str, accounts: Mapping[str, object], fetched_at: float | None) -> None:
    """Add the commands that store accounts to a pipeline.

    `fetched_at`: when the fetch began (Unix seconds); newer figures, or a payment since then, are not overwritten.
    """
    moment = time.time() if fetched_at is None else fetched_at
    for student_id, account in accounts.items():
        arguments = (key("account", student_id, term), moment, pack(account, moment), HARD_LIFE)
        pipe.execute_command("EVAL", _STORE_IF_NEWER, 1, *arguments)


def _is_account(value: Any) -> bool:
    return isinstance(value, dict) and all(isinstance(value.get(name), list) for name in ("bills", "payments"))
