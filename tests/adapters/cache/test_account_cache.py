"""Accounts by student and term: dated by their fetch, and never replaced by older figures."""

import time
from collections.abc import Callable

import pytest
from redis.cluster import RedisCluster

from functions.adapters.cache.account_cache import FORGOTTEN_LIFE, SOFT_LIFE, AccountCache
from functions.adapters.cache.message_claims import CLAIM_LIFE
from functions.adapters.cache.redis_client import CachedValue, RedisClient

EMPTY: dict[str, list[object]] = {"bills": [], "payments": []}
OLD, NEW = ({"bills": [], "payments": [amount]} for amount in ("old", "new"))


@pytest.fixture
def accounts(redis: RedisClient) -> AccountCache:
    return AccountCache(redis)


def store(accounts: AccountCache, account: object, fetched_at: float) -> None:
    accounts.store("t", {"S1": account}, fetched_at)


def test_accounts_are_stored_by_student_and_term(accounts: AccountCache) -> None:
    accounts.store("2026-3", dict.fromkeys(("S1", "S2"), EMPTY), time.time())
    accounts.store("2026-3", {}, time.time())
    assert set(accounts.get(["S1", "S2", "S3"], "2026-3")) == {"S1", "S2"}
    assert accounts.get(["S1"], "2026-3")["S1"].value == EMPTY
    assert accounts.get(["S1"], "2026-2") == {}
    assert accounts.get([], "2026-3") == {}


def test_account_is_fresh_for_its_soft_life_and_kept_beyond_it(
    accounts: AccountCache, advance_clock: Callable[[float], None]
) -> None:
    store(accounts, EMPTY, time.time())
    assert accounts.get(["S1"], "t")["S1"].is_fresh(SOFT_LIFE)
    advance_clock(SOFT_LIFE + 2)
    assert not accounts.get(["S1"], "t")["S1"].is_fresh(SOFT_LIFE)


def test_account_is_as_old_as_its_fetch(accounts: AccountCache) -> None:
    store(accounts, OLD, time.time() - SOFT_LIFE - 1)
    assert not accounts.get(["S1"], "t")["S1"].is_fresh(SOFT_LIFE)


def test_figures_of_an_earlier_fetch_do_not_replace_newer_ones(accounts: AccountCache) -> None:
    now = time.time()
    store(accounts, NEW, now - 1)
    store(accounts, OLD, now - 2)  # its answer took longer
    assert accounts.get(["S1"], "t")["S1"] == CachedValue(NEW, round(now - 1, 3))
    store(accounts, OLD, now)
    assert accounts.get(["S1"], "t")["S1"].value == OLD


def test_figures_fetched_before_a_payment_are_not_stored_after_it(
    accounts: AccountCache, cluster: RedisCluster
) -> None:
    before = time.time() - 1
    accounts.forget("S1", "t")
    store(accounts, OLD, before)
    assert accounts.get(["S1"], "t") == {}
    assert 0 < cluster.ttl("v1:account:S1:t") <= FORGOTTEN_LIFE
    assert FORGOTTEN_LIFE <= CLAIM_LIFE
    store(accounts, NEW, time.time() + 1)
    assert accounts.get(["S1"], "t")["S1"].value == NEW


@pytest.mark.parametrize(
    "garbage",
    [
        *("", "x", "null", "5", "[1]", '{"v": 1}', '{"at": "soon", "v": 1}', '{"at": null, "v": 1}', "\x00ÿ"),
        *('{"at": 1, "v": {"bills": []}}', '{"at": 1, "v": {"bills": {}, "payments": []}}', '{"at": 1, "v": []}'),
    ],
)
def test_garbage_counts_as_no_account_and_is_replaced(
    accounts: AccountCache, cluster: RedisCluster, garbage: str
) -> None:
    cluster.set("v1:account:S1:t", garbage)
    assert accounts.get(["S1"], "t") == {}
    store(accounts, NEW, time.time())
    assert accounts.get(["S1"], "t")["S1"].value == NEW
