"""What is cached of a sender: the person, the position of their last write, whether the office has them."""

from collections.abc import Callable

import pytest
from redis.cluster import RedisCluster

from functions.adapters.cache.message_claims import Loaded, MessageClaims
from functions.adapters.cache.redis_client import RedisClient
from functions.adapters.cache.sender_cache import HANDED_TO_OFFICE_LIFE, WAL_LIFE, SenderCache


@pytest.fixture
def senders(redis: RedisClient) -> SenderCache:
    return SenderCache(redis)


def loaded(redis: RedisClient, sender: str) -> Loaded:
    return MessageClaims(redis).claim_and_load("wamid.1", sender, "")


def test_forgotten_people_are_looked_up_anew(senders: SenderCache, redis: RedisClient) -> None:
    for name in ("a", "b", "c"):
        senders.store_person(name, {})
    senders.forget_person("a", "", "b")
    senders.forget_person()
    senders.forget_person("", "")
    assert [loaded(redis, name).person is None for name in ("a", "b", "c")] == [True, True, False]


def test_people_forgotten_after_a_write_are_read_at_its_position(
    senders: SenderCache, redis: RedisClient, cluster: RedisCluster
) -> None:
    for name in ("a", "b"):
        senders.store_person(name, {})
    senders.forget_person("a", "b", min_wal="0/3000148")
    assert [loaded(redis, name).person for name in ("a", "b")] == [None, None]
    assert [loaded(redis, name).min_wal for name in ("a", "b", "c")] == ["0/3000148"] * 3  # a lagging replica is seen
    assert 0 < cluster.ttl("v1:written:a") <= WAL_LIFE


def test_latest_required_position_counts(senders: SenderCache, redis: RedisClient) -> None:
    senders.require_wal("a", "0/1")
    senders.require_wal("a", "0/2")
    assert loaded(redis, "a").min_wal == "0/2"


@pytest.mark.parametrize(
    "change",
    [
        lambda senders: senders.forget_person("a", min_wal="0/1"),
        lambda senders: senders.set_handed_to_office("a", handed=True),
    ],
    ids=["another family", "handed to the office"],
)
def test_what_was_said_is_forgotten_with_the_link_and_at_the_hand_over(
    senders: SenderCache, redis: RedisClient, change: Callable[[SenderCache], None]
) -> None:
    for name in ("a", "b"):
        MessageClaims(redis).finish(f"wamid.{name}", sender=name, turn={"asked": "x"})
    change(senders)
    assert [len(loaded(redis, name).turns) for name in ("a", "b")] == [0, 1]


def test_conversation_is_handed_to_the_office_and_given_back(
    senders: SenderCache, redis: RedisClient, cluster: RedisCluster
) -> None:
    assert not loaded(redis, "a").is_handed_to_office
    senders.set_handed_to_office("a", handed=True)
    assert loaded(redis, "a").is_handed_to_office
    assert not loaded(redis, "b").is_handed_to_office
    assert 0 < cluster.ttl("v1:quiet:a") <= HANDED_TO_OFFICE_LIFE == 12 * 3600
    senders.set_handed_to_office("a", handed=False)
    assert not loaded(redis, "a").is_handed_to_office
