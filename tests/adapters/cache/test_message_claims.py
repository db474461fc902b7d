"""A message is claimed by one run, and the same round trip tells all that is cached of its sender."""

import json
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from redis.cluster import RedisCluster

from functions.adapters.cache.account_cache import AccountCache
from functions.adapters.cache.message_claims import TURNS_LIFE, Claim, Loaded, MessageClaims
from functions.adapters.cache.redis_client import RedisClient
from functions.adapters.cache.sender_cache import SenderCache
from functions.domain.memory import MOST_TURNS

MESSAGE, SENDER = "wamid.HBgM{1}", "ZW.13491208655302741918"
ACCOUNT: dict[str, list[object]] = {"bills": [], "payments": []}


@pytest.fixture
def claims(redis: RedisClient) -> MessageClaims:
    return MessageClaims(redis)


@pytest.fixture
def senders(redis: RedisClient) -> SenderCache:
    return SenderCache(redis)


# --- claims -----------------------------------------------------------------------------------------------------------


def test_message_is_claimed_once_and_known_when_done(claims: MessageClaims) -> None:
    assert claims.claim_and_load(MESSAGE, SENDER, "").claim == Claim.NEW
    assert claims.claim_and_load(MESSAGE, SENDER, "").claim == Claim.BUSY
    assert claims.finish(MESSAGE, sender=SENDER)
    assert claims.claim_and_load(MESSAGE, SENDER, "").claim == Claim.DONE
    assert claims.claim_and_load("wamid.other", SENDER, "").claim == Claim.NEW


def test_second_try_of_the_same_run_still_holds_its_claim(claims: MessageClaims) -> None:
    assert claims.claim_and_load(MESSAGE, SENDER, "", "run-1").claim == Claim.NEW
    assert claims.claim_and_load(MESSAGE, SENDER, "", "run-1").claim == Claim.NEW  # Lambda tried again
    assert claims.claim_and_load(MESSAGE, SENDER, "", "run-2").claim == Claim.BUSY
    claims.finish(MESSAGE, sender=SENDER)
    assert claims.claim_and_load(MESSAGE, SENDER, "", "run-1").claim == Claim.DONE


def test_one_of_eight_simultaneous_runs_gets_the_claim(claims: MessageClaims) -> None:
    start = threading.Barrier(8)

    def claim(_: int) -> Claim:
        start.wait()
        return claims.claim_and_load(MESSAGE, SENDER, "").claim

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(claim, range(8)))
    assert sorted(state.value for state in found) == ["busy"] * 7 + ["new"]


def test_released_claim_can_be_had_again(claims: MessageClaims) -> None:
    claims.claim_and_load(MESSAGE, SENDER, "", "run-1")
    claims.release(MESSAGE, "run-1")
    assert claims.claim_and_load(MESSAGE, SENDER, "", "run-2").claim == Claim.NEW


def test_claim_of_another_run_is_not_released(claims: MessageClaims) -> None:
    claims.claim_and_load(MESSAGE, SENDER, "", "run-1")
    claims.release(MESSAGE, "run-2")
    assert claims.claim_and_load(MESSAGE, SENDER, "", "run-3").claim == Claim.BUSY
    assert claims.claim_and_load(MESSAGE, SENDER, "", "run-1").claim == Claim.NEW  # its own, still


def test_claim_that_a_delivery_status_has_marked_done_is_not_released(claims: MessageClaims) -> None:
    claims.claim_and_load(MESSAGE, SENDER, "", "run-1")
    claims.mark_done([MESSAGE])
    claims.release(MESSAGE, "run-1")
    assert claims.claim_and_load(MESSAGE, SENDER, "", "run-2").claim == Claim.DONE


def test_claims_are_complete_since_the_first_one_and_since_the_cache_was_emptied(
    claims: MessageClaims, cluster: RedisCluster, advance_clock: Callable[[float], None]
) -> None:
    began = time.time()
    first = claims.claim_and_load(MESSAGE, SENDER, "").complete_since
    assert began - 0.001 <= first <= time.time()
    advance_clock(60)
    assert claims.claim_and_load("wamid.2", SENDER, "").complete_since == first
    cluster.flushall()
    assert claims.claim_and_load("wamid.3", SENDER, "").complete_since >= first + 60


def test_delivery_status_marks_messages_done(claims: MessageClaims) -> None:
    claims.claim_and_load(MESSAGE, SENDER, "")
    claims.mark_done([MESSAGE, "wamid.other"])
    claims.mark_done([])
    assert claims.claim_and_load(MESSAGE, SENDER, "").claim == Claim.DONE
    assert claims.claim_and_load("wamid.other", SENDER, "").claim == Claim.DONE


def test_what_has_no_sender_is_claimed_in_the_same_way(claims: MessageClaims) -> None:
    assert claims.claim("payment:1", "run-1") == Claim.NEW
    assert claims.claim("payment:1", "run-1") == Claim.NEW
    assert claims.claim("payment:1", "run-2") == Claim.BUSY
    assert claims.finish("payment:1")
    assert claims.claim("payment:1", "run-1") == Claim.DONE


# --- what is loaded with the claim ------------------------------------------------------------------------------------


def test_claim_loads_all_that_is_cached_of_the_sender(claims: MessageClaims, senders: SenderCache) -> None:
    senders.store_person(SENDER, {"kind": "visitor"})
    senders.require_wal(SENDER, "0/3000148")
    senders.set_handed_to_office(SENDER, handed=True)
    claims.finish("wamid.0", sender=SENDER, pending={"intent": "balance"}, values={("answer", "hours open"): "From 8"})
    loaded = claims.claim_and_load(MESSAGE, SENDER, "hours open")
    values = [cached.value if cached else None for cached in (loaded.person, loaded.pending, loaded.answer)]
    assert values == [{"kind": "visitor"}, {"intent": "balance"}, "From 8"]
    assert (loaded.min_wal, loaded.is_handed_to_office) == ("0/3000148", True)
    other = claims.claim_and_load("wamid.1", "someone else", "another question")
    nothing = Loaded(Claim.NEW, min_wal="0/3000148", complete_since=other.complete_since, replies=0)
    assert other == nothing  # the position of the last write of all is everyone's


def test_messages_that_a_sender_has_had_are_counted_by_the_day(
    claims: MessageClaims, monkeypatch: pytest.MonkeyPatch
) -> None:
    claims.finish("wamid.0", sender=SENDER, replies=2)
    claims.finish("wamid.1", sender=SENDER)
    claims.finish("wamid.2", sender=SENDER, replies=1)
    assert claims.claim_and_load(MESSAGE, SENDER, "").replies == 3
    tomorrow = time.time() + 24 * 3600
    monkeypatch.setattr(time, "time", lambda: tomorrow)
    assert claims.claim_and_load(MESSAGE, SENDER, "").replies == 0


def test_latest_of_two_positions_counts_as_a_number(claims: MessageClaims, senders: SenderCache) -> None:
    senders.require_wal(SENDER, "0/FFFFFFFF")
    senders.require_wal("someone else", "1/0")
    assert claims.claim_and_load(MESSAGE, SENDER, "").min_wal == "1/0"


def test_pending_question_is_dropped_by_the_next_answer(claims: MessageClaims) -> None:
    claims.finish("wamid.0", sender=SENDER, pending={"intent": "balance"})
    claims.finish("wamid.1", sender=SENDER)
    assert claims.claim_and_load(MESSAGE, SENDER, "").pending is None


def test_the_last_turns_are_loaded_with_the_claim_and_end_after_half_an_hour(
    claims: MessageClaims, cluster: RedisCluster
) -> None:
    for number in range(MOST_TURNS + 2):
        claims.finish(f"wamid.{number}", sender=SENDER, turn={"asked": str(number)})
    claims.finish("wamid.other", sender="someone else", turn={"asked": "x"})
    turns = claims.claim_and_load(MESSAGE, SENDER, "").turns
    assert turns == tuple({"asked": str(number)} for number in range(2, MOST_TURNS + 2))
    assert 0 < cluster.ttl(f"v1:turns:{SENDER}") <= TURNS_LIFE == 30 * 60


def test_turns_are_forgotten_when_asked_to(claims: MessageClaims, cluster: RedisCluster) -> None:
    claims.finish("wamid.0", sender=SENDER, turn={"asked": "x"})
    claims.finish("wamid.1", sender=SENDER)  # nothing to keep of this one
    assert claims.claim_and_load("wamid.2", SENDER, "").turns == ({"asked": "x"},)
    claims.finish("wamid.2", sender=SENDER, turn={"asked": "y"}, forget_turns=True)
    assert cluster.exists(f"v1:turns:{SENDER}") == 0


def test_a_turn_that_cannot_be_read_is_left_out(claims: MessageClaims, cluster: RedisCluster) -> None:
    cluster.rpush(f"v1:turns:{SENDER}", "{", '{"asked":"x"}')
    assert claims.claim_and_load(MESSAGE, SENDER, "").turns == ({"asked": "x"},)


def test_finishing_something_without_a_sender_keeps_pending_questions(claims: MessageClaims) -> None:
    claims.finish("wamid.0", sender=SENDER, pending={"intent": "balance"})
    claims.finish("payment:1")
    pending = claims.claim_and_load(MESSAGE, SENDER, "").pending
    assert pending is not None
    assert pending.value == {"intent": "balance"}


def test_finish_stores_the_fetched_account(claims: MessageClaims, redis: RedisClient) -> None:
    fetched_at = round(time.time() - 5, 3)
    claims.finish(MESSAGE, sender=SENDER, term="2026-3", accounts={"S1": ACCOUNT, "S2": ACCOUNT}, fetched_at=fetched_at)
    found = AccountCache(redis).get(["S1", "S2"], "2026-3")
    assert {student_id: (cached.value, cached.fetched_at) for student_id, cached in found.items()} == {
        "S1": (ACCOUNT, fetched_at),
        "S2": (ACCOUNT, fetched_at),
    }


@pytest.mark.parametrize(
    "garbage", ["", "x", "null", "5", "[1]", '{"v": 1}', '{"at": "soon", "v": 1}', '{"at": null, "v": 1}', "\x00ÿ"]
)
def test_garbage_in_a_key_counts_as_missing(claims: MessageClaims, cluster: RedisCluster, garbage: str) -> None:
    for name in ("person", "pending"):
        cluster.set(f"v1:{name}:{SENDER}", garbage)
    cluster.set("v1:answer:q", garbage)
    cluster.set("v1:claim:other", garbage)
    loaded = claims.claim_and_load(MESSAGE, SENDER, "q")
    assert loaded == Loaded(Claim.NEW, complete_since=loaded.complete_since, replies=0)
    assert claims.claim_and_load("other", SENDER, "q").claim == Claim.BUSY  # someone holds it, whoever that is


def test_values_of_another_version_are_not_read(claims: MessageClaims, cluster: RedisCluster) -> None:
    cluster.set(f"v0:person:{SENDER}", json.dumps({"at": time.time(), "v": {}}))
    assert claims.claim_and_load(MESSAGE, SENDER, "").person is None
