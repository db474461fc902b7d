"""The cache on a real cluster node: claims, lives, turns, and that a dead one costs speed only."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from redis.cluster import RedisCluster

from functions.adapters import cache as cache_module
from functions.adapters.cache import ACCOUNT_LIFE, CLAIM_LIFE, DONE_LIFE, HARD_LIFE, Cache, Claim, FirstLook, Kept
from local.plan import Ports

MESSAGE, SENDER = "wamid.HBgM{1}", "ZW.13491208655302741918"


@pytest.fixture
def client(cache: Cache) -> RedisCluster:
    return cache_module._client(cache.url, False)


@pytest.fixture
def later(environment: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves our clock ahead; Redis keeps its own."""

    def move(seconds: float) -> None:
        moment = time.time() + seconds
        environment.setattr(cache_module.time, "time", lambda: moment)

    return move


# --- claims -----------------------------------------------------------------------------------------------------------


def test_a_message_is_claimed_once_and_known_when_done(cache: Cache) -> None:
    assert cache.first_look(MESSAGE, SENDER, "").claim == Claim.NEW
    assert cache.first_look(MESSAGE, SENDER, "").claim == Claim.BUSY
    assert cache.finish(MESSAGE, SENDER, None, {})
    assert cache.first_look(MESSAGE, SENDER, "").claim == Claim.DONE
    assert cache.first_look("wamid.other", SENDER, "").claim == Claim.NEW


def test_a_run_that_broke_off_finds_its_own_claim(cache: Cache) -> None:
    assert cache.first_look(MESSAGE, SENDER, "", "run-1").claim == Claim.NEW
    assert cache.first_look(MESSAGE, SENDER, "", "run-1").claim == Claim.NEW  # Lambda tried again
    assert cache.first_look(MESSAGE, SENDER, "", "run-2").claim == Claim.BUSY
    cache.finish(MESSAGE, SENDER, None, {})
    assert cache.first_look(MESSAGE, SENDER, "", "run-1").claim == Claim.DONE


def test_of_two_at_the_same_instant_one_gets_the_claim(cache: Cache) -> None:
    start = threading.Barrier(8)

    def look(_: int) -> Claim:
        start.wait()
        return cache.first_look(MESSAGE, SENDER, "").claim

    with ThreadPoolExecutor(8) as pool:
        claims = list(pool.map(look, range(8)))
    assert sorted(claim.value for claim in claims) == ["busy"] * 7 + ["new"]


def test_a_released_claim_can_be_had_again(cache: Cache) -> None:
    cache.first_look(MESSAGE, SENDER, "")
    cache.release(MESSAGE)
    assert cache.first_look(MESSAGE, SENDER, "").claim == Claim.NEW


def test_a_delivery_status_closes_a_claim(cache: Cache) -> None:
    cache.first_look(MESSAGE, SENDER, "")
    cache.mark_done([MESSAGE, "wamid.other"])
    cache.mark_done([])
    assert cache.first_look(MESSAGE, SENDER, "").claim == Claim.DONE
    assert cache.first_look("wamid.other", SENDER, "").claim == Claim.DONE


def test_every_key_has_a_version_and_a_life(cache: Cache, client: RedisCluster) -> None:
    cache.first_look(MESSAGE, SENDER, "")
    assert 0 < client.ttl(f"v1:claim:{MESSAGE}") <= CLAIM_LIFE
    cache.finish(MESSAGE, SENDER, {"intent": "balance"}, {("account", "S1", "2026-3"): {}, ("answer", "hours"): "8"})
    cache.keep_person(SENDER, {})
    cache.note_written(SENDER, "0/1")
    cache.count_question(SENDER, "2026-11-23")
    cache.take_turn(1, 72, 20)
    lives = {key: client.ttl(key) for key in client.keys("*")}
    assert all(key.startswith("v1:") for key in lives)
    assert all(life > 0 for life in lives.values()), lives  # keys without one are never evicted
    assert DONE_LIFE - 5 < lives[f"v1:claim:{MESSAGE}"] <= DONE_LIFE
    assert DONE_LIFE > 7 * 86400  # WhatsApp repeats itself for seven days
    assert HARD_LIFE - 5 < lives["v1:account:S1:2026-3"] <= HARD_LIFE
    assert lives[f"v1:written:{SENDER}"] <= 60
    assert lives[f"v1:pending:{SENDER}"] <= 15 * 60
    assert len(lives) == 8


# --- what is known ----------------------------------------------------------------------------------------------------


def test_one_look_tells_all_that_is_known(cache: Cache) -> None:
    cache.keep_person(SENDER, {"kind": "visitor"})
    cache.note_written(SENDER, "0/3000148")
    cache.finish("wamid.0", SENDER, {"intent": "balance"}, {("answer", "hours open"): "From 8"})
    seen = cache.first_look(MESSAGE, SENDER, "hours open")
    values = [kept.value if kept else None for kept in (seen.person, seen.pending, seen.answer)]
    assert values == [{"kind": "visitor"}, {"intent": "balance"}, "From 8"]
    assert seen.written == "0/3000148"
    assert cache.first_look("wamid.1", "someone else", "another question") == FirstLook(Claim.NEW)


def test_a_question_of_ours_is_forgotten_with_the_next_answer(cache: Cache) -> None:
    cache.finish("wamid.0", SENDER, {"intent": "balance"}, {})
    cache.finish("wamid.1", SENDER, None, {})
    assert cache.first_look(MESSAGE, SENDER, "").pending is None


def test_a_person_can_be_forgotten(cache: Cache) -> None:
    for name in ("a", "b", "c"):
        cache.keep_person(name, {})
    cache.forget_person("a", "", "b")
    assert [cache.first_look(MESSAGE, name, "").person is None for name in ("a", "b", "c")] == [True, True, False]


def test_accounts_are_kept_by_student_and_term(cache: Cache) -> None:
    figures = {"bills": [], "payments": []}
    cache.finish("m", SENDER, None, {("account", name, "2026-3"): figures for name in ("S1", "S2")})
    assert set(cache.accounts(["S1", "S2", "S3"], "2026-3")) == {"S1", "S2"}
    assert cache.accounts(["S1"], "2026-3")["S1"].value == figures
    assert cache.accounts(["S1"], "2026-2") == {}
    assert cache.accounts([], "2026-3") == {}


def test_a_value_is_fresh_for_its_soft_life_and_kept_beyond_it(cache: Cache, later: Callable[[float], None]) -> None:
    cache.finish("m", SENDER, None, {("account", "S1", "t"): {"bills": [], "payments": []}})
    assert cache.accounts(["S1"], "t")["S1"].is_fresh(ACCOUNT_LIFE)
    later(ACCOUNT_LIFE + 2)
    assert not cache.accounts(["S1"], "t")["S1"].is_fresh(ACCOUNT_LIFE)
    assert Kept("x", time.time() - 10).is_fresh(20)


OLD, NEW = ({"bills": [], "payments": [amount]} for amount in ("old", "new"))


def keep(cache: Cache, figures: object, fetched_at: float) -> None:
    cache.finish("m", SENDER, None, {("account", "S1", "t"): figures}, fetched_at)


def test_an_account_is_as_old_as_its_fetch(cache: Cache) -> None:
    keep(cache, OLD, time.time() - ACCOUNT_LIFE - 1)
    assert not cache.accounts(["S1"], "t")["S1"].is_fresh(ACCOUNT_LIFE)


def test_figures_of_an_earlier_fetch_do_not_replace_newer_ones(cache: Cache) -> None:
    now = time.time()
    keep(cache, NEW, now - 1)
    keep(cache, OLD, now - 2)  # its answer took longer
    assert cache.accounts(["S1"], "t")["S1"] == Kept(NEW, round(now - 1, 3))
    keep(cache, OLD, now)
    assert cache.accounts(["S1"], "t")["S1"].value == OLD


def test_figures_fetched_before_a_payment_are_not_kept_after_it(cache: Cache, client: RedisCluster) -> None:
    before = time.time() - 1
    cache.forget_account("S1", "t")
    keep(cache, OLD, before)
    assert cache.accounts(["S1"], "t") == {}
    assert 0 < client.ttl("v1:account:S1:t") <= CLAIM_LIFE
    keep(cache, NEW, time.time() + 1)
    assert cache.accounts(["S1"], "t")["S1"].value == NEW


@pytest.mark.parametrize(
    "garbage", ["", "x", "null", "5", "[1]", '{"v": 1}', '{"at": "soon", "v": 1}', '{"at": null, "v": 1}', "\x00ÿ"]
)
def test_garbage_in_a_key_counts_as_nothing(cache: Cache, client: RedisCluster, garbage: str) -> None:
    for name in ("person", "pending"):
        client.set(f"v1:{name}:{SENDER}", garbage)
    client.set("v1:answer:q", garbage)
    client.set("v1:account:S1:t", garbage)
    client.set("v1:claim:other", garbage)
    assert cache.first_look(MESSAGE, SENDER, "q") == FirstLook(Claim.NEW)
    assert cache.accounts(["S1"], "t") == {}
    keep(cache, NEW, time.time())
    assert cache.accounts(["S1"], "t")["S1"].value == NEW
    assert cache.first_look("other", SENDER, "q").claim == Claim.BUSY  # someone holds it, whoever that is


def test_values_of_another_version_are_not_read(cache: Cache, client: RedisCluster) -> None:
    client.set(f"v0:person:{SENDER}", json.dumps({"at": time.time(), "v": {}}))
    assert cache.first_look(MESSAGE, SENDER, "").person is None


# --- the limit of questions -------------------------------------------------------------------------------------------


def test_questions_are_counted_by_person_and_day(cache: Cache) -> None:
    assert [cache.count_question("a", "2026-11-23") for _ in range(3)] == [1, 2, 3]
    assert cache.count_question("b", "2026-11-23") == 1
    assert cache.count_question("a", "2026-11-24") == 1


# --- turns at the school's API ----------------------------------------------------------------------------------------


@pytest.mark.usefixtures("redis_at")
def test_waits_grow_by_the_rate_once_the_burst_is_used(cache: Cache) -> None:
    waits = [cache.take_turn(1, 72, 20) for _ in range(15)]  # one a second, ten at once: 70 in the fullest minute
    assert waits[:10] == [0.0] * 10
    assert waits[10:] == [0, 1, 2, 3, 4]


@pytest.mark.usefixtures("redis_at")
def test_a_family_takes_as_many_turns_as_it_has_children(cache: Cache) -> None:
    assert cache.take_turn(10, 72, 20) == 0
    assert cache.take_turn(5, 72, 20) == 4  # the fifth call is 4 s after the first
    assert cache.take_turn(1, 72, 20) == 5


@pytest.mark.usefixtures("redis_at")
def test_a_refusal_takes_no_turn(cache: Cache) -> None:
    cache.take_turn(20, 72, 20)
    assert [cache.take_turn(1, 72, 5) for _ in range(5)] == [None] * 5
    assert cache.take_turn(1, 72, 20) == 10


def test_nobody_waits_while_the_rate_is_kept(cache: Cache, redis_at: Callable[[int], None]) -> None:
    cache.take_turn(10, 72, 20)
    redis_at(1060)
    assert [cache.take_turn(1, 72, 0) for _ in range(10)] == [0.0] * 10  # and no more than ten were saved up
    assert cache.take_turn(3, 72, 20) == 2


@pytest.mark.usefixtures("redis_at")
def test_turns_of_one_instant_are_all_different(cache: Cache) -> None:
    cache.take_turn(10, 72, 100)
    with ThreadPoolExecutor(8) as pool:
        waits = sorted(wait for wait in pool.map(lambda _: cache.take_turn(1, 72, 100), range(16)) if wait is not None)
    assert waits == list(range(16))


# --- a dead cache -----------------------------------------------------------------------------------------------------


@pytest.fixture(params=["refuses", "silent"])
def dead(request: pytest.FixtureRequest, environment: pytest.MonkeyPatch) -> Iterator[Cache]:
    cache_module._client.cache_clear()
    if request.param == "refuses":
        yield Cache(f"redis://127.0.0.1:{Ports.free().redis}", iam=False)
    else:
        environment.setattr(cache_module, "TIMEOUT", 0.05)
        with socket.create_server(("127.0.0.1", 0)) as silent:
            yield Cache(f"redis://127.0.0.1:{silent.getsockname()[1]}", iam=False)
    cache_module._client.cache_clear()


@pytest.mark.parametrize(
    ("use", "plain"),
    [
        (lambda cache: cache.first_look(MESSAGE, SENDER, "q"), FirstLook(Claim.UNKNOWN)),
        (lambda cache: cache.accounts(["S1"], "t"), {}),
        (lambda cache: cache.take_turn(3, 72, 20), 0.0),
        (lambda cache: cache.count_question("a", "d"), None),
        (lambda cache: cache.finish("m", "a", {"intent": "menu"}, {("answer", "q"): "a"}), False),
        (lambda cache: cache.keep_person("a", {}), None),
        (lambda cache: cache.forget_person("a"), None),
        (lambda cache: cache.release("m"), None),
        (lambda cache: cache.forget_account("S1", "t"), None),
        (lambda cache: cache.claim("m", "run"), Claim.UNKNOWN),
        (lambda cache: cache.mark_done(["m"]), None),
        (lambda cache: cache.note_written("a", "0/1"), None),
    ],
)
def test_a_dead_cache_says_so_with_a_plain_value(dead: Cache, use: Callable[[Cache], Any], plain: object) -> None:
    assert use(dead) == plain


def test_a_cache_that_dies_and_comes_back_is_used_again(cache: Cache, redis_server: Any) -> None:
    assert cache.first_look(MESSAGE, SENDER, "").claim == Claim.NEW
    redis_server.kill()
    try:
        assert cache.first_look("wamid.1", SENDER, "").claim == Claim.UNKNOWN
    finally:
        redis_server.start()
        redis_server.wait()
    assert cache.first_look("wamid.2", SENDER, "").claim == Claim.NEW
