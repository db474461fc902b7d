"""Claims on messages: one run answers a message, however often WhatsApp delivers it."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final

from redis.cluster import RedisCluster

from functions.adapters.cache.account_cache import queue_store
from functions.adapters.cache.redis_client import HARD_LIFE, CachedValue, RedisClient, key, pack, pipeline, unpack
from functions.domain import memory

CLAIM_LIFE: Final = 120  # seconds: longer than a state machine may run
DONE_LIFE: Final = 8 * 24 * 3600  # WhatsApp delivers again for seven days
PENDING_LIFE: Final = 15 * 60
TURNS_LIFE: Final = memory.LIFE
DAY: Final = 24 * 3600  # seconds

# Deletes a claim if it is still this run's own: another run, or a delivery status, may have changed it.
_RELEASE: Final = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


class Claim(Enum):
    """What an attempt to claim a message tells."""

    NEW = "new"  # claimed by this run
    BUSY = "busy"  # claimed by another run
    DONE = "done"  # answered
    UNKNOWN = "unknown"  # the cache is down


@dataclass(frozen=True)
class Loaded:
    """A claim, with all that the same round trip tells of the message's sender."""

    claim: Claim
    person: CachedValue | None = None
    pending: CachedValue | None = None  # what we asked back
    answer: CachedValue | None = None  # to the common question
    min_wal: str | None = None  # WAL position that a read of this sender must see
    is_handed_to_office: bool = False
    turns: tuple[object, ...] = ()  # the last of the conversation, the oldest first, as they were stored
    complete_since: float = 0.0  # Unix seconds: the cache holds every claim from then on
    replies: int | None = None  # messages that this sender has had from us today (UTC); None: the cache is down


class MessageClaims:
    """A claim is `busy:<run>` for two minutes, then `done` for eight days."""

    def __init__(self, redis: RedisClient) -> None:
        self._redis = redis

    def claim(self, message_id: str, run: str = "") -> Claim:
        """Claim something that has no sender, such as a payment notice."""
        return self.claim_and_load(message_id, "", "", run).claim

    def claim_and_load(
        self, message_id: str, sender: str, question_key: str, run: str = "", phone: str | None = None
    ) -> Loaded:
        """Claim the message for this run, and load what is cached of its sender, in one round trip.

        A run that holds the claim already, from a try that failed, still holds it. `question_key`: of a common
        question, or "". `phone`: the sender's other key; the office may have written to it before the sender wrote.
        """
        ours = f"{Claim.BUSY.value}:{run}"

        def load(cluster: RedisCluster) -> Loaded:
            pipe = pipeline(cluster)
            pipe.set(key("claim", message_id), ours, nx=True, ex=CLAIM_LIFE)
            parts = (("claim", message_id), ("person", sender), ("pending", sender), ("answer", question_key))
            for part in parts:
                pipe.get(key(*part))
            pipe.get(key("written", sender))
            pipe.exists(key("quiet", sender))
            pipe.exists(key("quiet", phone or sender))
            pipe.get(key("wal"))
            pipe.lrange(key("turns", sender), 0, -1)
            now = time.time()
            pipe.set(key("complete-since"), f"{now:.3f}", nx=True, ex=DONE_LIFE)
            pipe.getex(key("complete-since"), ex=DONE_LIFE)
            pipe.get(_replies_key(sender))
            found = pipe.execute()
            is_new, claim, person, pending, answer, own_wal, handed, by_phone, wal, turns, _, since, replies = found
            is_ours = is_new or (run and claim == ours)
            return Loaded(
                claim=Claim.NEW if is_ours else Claim.DONE if claim == Claim.DONE.value else Claim.BUSY,
                person=unpack(person),
                pending=unpack(pending),
                answer=unpack(answer),
                min_wal=latest_wal(own_wal, wal),
                is_handed_to_office=bool(handed or by_phone),
                turns=tuple(filter(None, map(_parsed, turns))) if sender else (),
                complete_since=float(since or now),
                replies=int(replies) if (replies or "").isdecimal() else 0,
            )

        return self._redis.run(load, Loaded(Claim.UNKNOWN))

    def answered_at(self, sender: str, wish: str) -> float | None:
        """When this wish of the sender was answered, if it had waited; Unix seconds."""
        found = self._redis.get("answered", sender, wish)
        return float(found.value) if found and isinstance(found.value, int | float) else None

    def release(self, message_id: str, run: str) -> None:
        """Give this run's own claim back after it failed, so that the next run can have it."""
        ours = f"{Claim.BUSY.value}:{run}"
        self._redis.run(lambda cluster: cluster.eval(_RELEASE, 1, key("claim", message_id), ours), None)

    def mark_done(self, message_ids: Sequence[str]) -> None:
        """A delivery status proves that these messages were answered."""

        def mark(cluster: RedisCluster) -> None:
            pipe = pipeline(cluster)
            for message_id in message_ids:
                pipe.set(key("claim", message_id), Claim.DONE.value, ex=DONE_LIFE)
            pipe.execute()

        if message_ids:
            self._redis.run(mark, None)

    def done(self, message_ids: Sequence[str]) -> set[str]:
        """Those of these messages that are marked as done; none of them when the cache is down."""

        def read(cluster: RedisCluster) -> set[str]:
            pipe = pipeline(cluster)
            for message_id in message_ids:
                pipe.get(key("claim", message_id))
            found = zip(message_ids, pipe.execute(), strict=True)
            return {message_id for message_id, claim in found if claim == Claim.DONE.value}

        return self._redis.run(read, set()) if message_ids else set()

    def finish(
        self,
        message_id: str,
        *,
        sender: str = "",
        pending: object = None,
        turn: object = None,
        forget_turns: bool = False,
        values: Mapping[tuple[str, ...], object] | None = None,
        term: str = "",
        accounts: Mapping[str, object] | None = None,
        fetched_at: float | None = None,
        replies: int = 0,
    ) -> bool:
        """Mark the message done and store what its run found, in one round trip; False when the cache is down.

        `pending`: what we asked this sender back, None for nothing. `turn`: to be remembered of the conversation.
        `forget_turns`: nothing may be remembered of it, from before either. `values`: by key parts.
        `accounts`: by student id, of `term`, fetched at `fetched_at` (Unix seconds). `replies`: messages sent to them.
        """

        def write(cluster: RedisCluster) -> bool:
            pipe = pipeline(cluster)
            pipe.set(key("claim", message_id), Claim.DONE.value, ex=DONE_LIFE)
            if pending:
                pipe.set(key("pending", sender), pack(pending), ex=PENDING_LIFE)
            elif sender:
                pipe.delete(key("pending", sender))
            if forget_turns and sender:
                pipe.delete(key("turns", sender))
            elif turn and sender:
                pipe.rpush(key("turns", sender), json.dumps(turn, separators=(",", ":")))
                pipe.ltrim(key("turns", sender), -memory.MOST_TURNS, -1)
                pipe.expire(key("turns", sender), TURNS_LIFE)
            for parts, value in (values or {}).items():
                pipe.set(key(*parts), pack(value), ex=HARD_LIFE)
            if replies:
                pipe.incrby(_replies_key(sender), replies)
                pipe.expire(_replies_key(sender), DAY)
            queue_store(pipe, term, accounts or {}, fetched_at)
            pipe.execute()
            return True

        return self._redis.run(write, False)


def _parsed(raw: str) -> object:
    """A stored turn; None for anything that is not JSON."""
    try:
        return json.loads(raw)
    except ValueError:
        return None


def _replies_key(sender: str) -> str:
    return key("replies", sender, time.strftime("%F", time.gmtime(time.time())))


def latest_wal(*positions: str | None) -> str | None:
    """The latest of some WAL positions such as `0/16B3748`."""
    return max(filter(None, positions), key=_wal_number, default=None)


def _wal_number(position: str) -> int:
    high, _, low = position.partition("/")
    try:
        return (int(high, 16) << 32) + int(low, 16)
    except ValueError:
        return 0
