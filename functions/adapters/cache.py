"""The cache (Valkey/Redis in cluster mode): claims, people, accounts, common answers, and the school API's turns.

A dead cache costs speed, never an answer: every method says so with a plain value, and logs once per invocation.
Keys carry a version prefix. Values carry the time they were fetched: after its soft life a value is refreshed, until
its hard life it may still be served, dated, when the source is down.
"""

import json
import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import cache as once
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from redis import RedisError
from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from functions.adapters import observe
from functions.domain.deliveries import QUIET

VERSION: Final = "v1"
ACCOUNT_LIFE: Final = 300  # soft lives, seconds
PERSON_LIFE: Final = 3600
STRANGER_LIFE: Final = 60  # the office may be adding the number at this moment
ANSWER_LIFE: Final = 600
HARD_LIFE: Final = 24 * 3600
CLAIM_LIFE: Final = 120  # longer than the state machine may run
DONE_LIFE: Final = 8 * 24 * 3600  # WhatsApp repeats itself for seven days
PENDING_LIFE: Final = 15 * 60
QUIET_LIFE: Final = int(QUIET.total_seconds())
WRITTEN_LIFE: Final = 60  # how long a person's last write must be seen by their reads
TIMEOUT: Final = 0.4  # seconds
BURST: Final = 10  # seconds' worth of the school's calls may be made at once, after a quiet time
LATE: Final = 2  # seconds by which a call may be later than its turn

Result = TypeVar("Result")


class Claim(Enum):
    """What a look at a message id tells."""

    NEW = "new"  # and now ours
    BUSY = "busy"  # another run has it
    DONE = "done"
    UNKNOWN = "unknown"  # the cache is dead


TAKEN: Final = {Claim.DONE: "answered", Claim.BUSY: "busy"}  # the `status` of a message that is not ours to answer


@dataclass(frozen=True)
class Kept:
    """A value with the time it was fetched (Unix seconds)."""

    value: Any
    at: float

    def is_fresh(self, life: float) -> bool:
        return time.time() - self.at < life


@dataclass(frozen=True)
class FirstLook:
    """All that one round trip tells about a message and its sender."""

    claim: Claim
    person: Kept | None = None
    pending: Kept | None = None
    answer: Kept | None = None
    written: str | None = None  # WAL position of the sender's last write
    is_quiet: bool = False  # the office has this conversation


# Generic cell rate: each call moves the key's time forward by one interval; the wait is how far ahead of now it is.
# Refuses, without taking a turn, when the wait would be longer than the caller can bear.
_TURN: Final = """
local now = redis.call('TIME')
now = now[1] + now[2] / 1000000
local due = math.max(tonumber(redis.call('GET', KEYS[1]) or 0), now - tonumber(ARGV[3]))
local wait = math.max(due + (tonumber(ARGV[2]) - 1) * tonumber(ARGV[1]) - now, 0)
if wait > tonumber(ARGV[4]) then return '-1' end
redis.call('SET', KEYS[1], due + tonumber(ARGV[2]) * tonumber(ARGV[1]), 'EX', 3600)
return tostring(wait)
"""


# Keeps an account unless what is there is as new: figures of a later fetch, or the mark of a payment.
_KEEP_NEWEST: Final = """
local fine, kept = pcall(cjson.decode, redis.call('GET', KEYS[1]) or '')
if fine and type(kept) == 'table' and (tonumber(kept.at) or 0) >= tonumber(ARGV[1]) then return 0 end
redis.call('SET', KEYS[1], ARGV[2], 'EX', ARGV[3])
return 1
"""


@dataclass(frozen=True)
class Cache:
    """The cache at `url`; `iam` signs in with the function's own role."""

    url: str
    iam: bool

    def ready(self) -> None:
        """Connected."""
        self._try(lambda client: client.ping(), None)

    def first_look(self, message_id: str, sender: str, question: str, run: str = "") -> FirstLook:
        """Claim the message for this run, and read what is known of its sender; `question`: key of a common answer, or
        "". A run that has the claim already, from a try that broke off, has it still."""

        ours = f"{Claim.BUSY.value}:{run}"

        def look(client: RedisCluster) -> FirstLook:
            pipe = _pipeline(client)
            pipe.set(_key("claim", message_id), ours, nx=True, ex=CLAIM_LIFE)
            for name, part in (("claim", message_id), ("person", sender), ("pending", sender), ("answer", question)):
                pipe.get(_key(name, part))
            pipe.get(_key("written", sender))
            pipe.exists(_key("quiet", sender))
            taken, claim, person, pending, answer, written, quiet = pipe.execute()
            mine = taken or (run and claim == ours)
            state = Claim.NEW if mine else Claim.DONE if claim == Claim.DONE.value else Claim.BUSY
            return FirstLook(state, _kept(person), _kept(pending), _kept(answer), written, bool(quiet))

        return self._try(look, FirstLook(Claim.UNKNOWN))

    def accounts(self, student_ids: Sequence[str], term: str) -> dict[str, Kept]:
        """The kept account of each student, where there is one: value `{"bills": …, "payments": …}`."""

        def look(client: RedisCluster) -> dict[str, Kept]:
            pipe = _pipeline(client)
            for student_id in student_ids:
                pipe.get(_key("account", student_id, term))
            found = (_kept(raw) for raw in pipe.execute())
            return {
                student_id: kept for student_id, kept in zip(student_ids, found, strict=True) if kept and kept.value
            }

        return self._try(look, {})

    def kept(self, *parts: str) -> Kept | None:
        """The value that `finish` kept under these key parts."""

        def look(client: RedisCluster) -> Kept | None:
            raw: Any = client.get(_key(*parts))
            return _kept(raw)

        return self._try(look, None)

    def take_turn(self, calls: int, per_minute: int, most_seconds: float) -> float | None:
        """Reserve `calls` calls of each kind at the school's API; the seconds to wait before making them.

        None: the wait would be longer than `most_seconds`, and nothing was reserved. As many as fall due in BURST may
        be made at once. With a dead cache everyone goes at once; the school's own 429 is then waited for.
        """
        interval = (60 + BURST + LATE) / per_minute  # so that no minute has more, the one after a quiet time neither

        def take(client: RedisCluster) -> float | None:
            # The script's only key is the first.
            answer = client.eval(_TURN, 1, _key("turn", "school-api"), interval, calls, BURST, most_seconds)
            wait = float(answer)
            return None if wait < 0 else wait

        nobody_counts: float | None = 0.0
        return self._try(take, nobody_counts)

    def count_question(self, sender: str, day: str) -> int | None:
        """How many questions this sender has asked on that day, this one included; None: the cache is dead."""
        return self._count(_key("questions", sender, day), 1)

    def count_look_ups(self, sender: str, day: str, more: int) -> int | None:
        """How many students this sender has named on that day, these included; None: the cache is dead."""
        return self._count(_key("look-ups", sender, day), more)

    def _count(self, key: str, more: int) -> int | None:
        def count(client: RedisCluster) -> int:
            pipe = _pipeline(client)
            pipe.incrby(key, more)
            pipe.expire(key, 2 * 24 * 3600)
            return int(pipe.execute()[0])

        return self._try(count, None)

    def finish(
        self,
        message_id: str,
        sender: str,
        pending: object,
        values: Mapping[tuple[str, ...], object],
        fetched_at: float | None = None,
    ) -> bool:
        """Mark the message done, and keep values by key parts, in one round trip; False: the cache is dead.

        `fetched_at`: when the fetch of the accounts began; newer ones, or a payment since then, are not overwritten.
        """

        def write(client: RedisCluster) -> bool:
            pipe = _pipeline(client)
            pipe.set(_key("claim", message_id), Claim.DONE.value, ex=DONE_LIFE)
            if pending:
                pipe.set(_key("pending", sender), _packed(pending), ex=PENDING_LIFE)
            else:
                pipe.delete(_key("pending", sender))
            at = time.time() if fetched_at is None else fetched_at
            for parts, value in values.items():
                if parts[0] == "account":
                    pipe.execute_command("EVAL", _KEEP_NEWEST, 1, _key(*parts), at, _packed(value, at), HARD_LIFE)
                else:
                    pipe.set(_key(*parts), _packed(value), ex=HARD_LIFE)
            pipe.execute()
            return True

        return self._try(write, False)

    def keep_person(self, sender: str, value: object) -> None:
        self._try(lambda client: client.set(_key("person", sender), _packed(value), ex=HARD_LIFE), None)

    def forget_person(self, *senders: str, written: str | None = None) -> None:
        """Look these people up anew: something about them has changed, by the WAL position `written`."""

        def forget(client: RedisCluster) -> None:
            pipe = _pipeline(client)
            for sender in filter(None, senders):
                pipe.delete(_key("person", sender))
                if written:
                    pipe.set(_key("written", sender), written, ex=WRITTEN_LIFE)
            pipe.execute()

        if any(senders):
            self._try(forget, None)

    def release(self, message_id: str) -> None:
        """A failed try lets go of its claim, so that the next can have it."""
        self._try(lambda client: client.delete(_key("claim", message_id)), None)

    def mark_done(self, message_ids: Sequence[str]) -> None:
        """A delivery status proves that these messages were answered."""

        def mark(client: RedisCluster) -> None:
            pipe = _pipeline(client)
            for name in message_ids:
                pipe.set(_key("claim", name), Claim.DONE.value, ex=DONE_LIFE)
            pipe.execute()

        if message_ids:
            self._try(mark, None)

    def note_written(self, sender: str, position: str) -> None:
        """This sender's next reads must see the database at least at this WAL position."""
        self._try(lambda client: client.set(_key("written", sender), position, ex=WRITTEN_LIFE), None)

    def keep_quiet(self, sender: str, *, quiet: bool) -> None:
        """The office has this conversation, or gives it back."""
        key = _key("quiet", sender)
        self._try(lambda client: client.set(key, "1", ex=QUIET_LIFE) if quiet else client.delete(key), None)

    def forget_account(self, student_id: str, term: str) -> None:
        """The school has booked something: fetch it anew. A mark stays for as long as a fetch of before may be under
        way, so that its figures are not kept."""
        key = _key("account", student_id, term)
        self._try(lambda client: client.set(key, _packed(None), ex=CLAIM_LIFE), None)

    def claim(self, message_id: str, run: str = "") -> Claim:
        """Claim something that is no message, such as a payment notice."""
        return self.first_look(message_id, "", "", run).claim

    def _try(self, use: Callable[[RedisCluster], Result], otherwise: Result) -> Result:
        try:
            return use(_client(self.url, self.iam))
        except (RedisError, RedisClusterException, OSError) as error:
            _client.cache_clear()  # connect anew next time
            observe.count("CacheFailures")
            observe.log().warning("cache unavailable", error=type(error).__name__)
            return otherwise


def _pipeline(client: RedisCluster) -> Any:
    return client.pipeline()  # type: ignore[no-untyped-call]


def _key(*parts: str) -> str:
    return ":".join((VERSION, *parts))


def _packed(value: object, at: float | None = None) -> str:
    return json.dumps({"at": round(time.time() if at is None else at, 3), "v": value}, separators=(",", ":"))


def _kept(raw: str | None) -> Kept | None:
    """A value as it was packed; anything else in the cache counts as nothing."""
    try:
        found = json.loads(raw) if raw else None
        return Kept(found["v"], float(found["at"])) if found else None
    except (ValueError, KeyError, TypeError):
        return None


@once
def _client(url: str, iam: bool) -> RedisCluster:
    """The process's client; connections are kept across invocations."""
    parts = urlsplit(url)
    options: dict[str, Any] = {"ssl": True, "ssl_check_hostname": True} if parts.scheme == "rediss" else {}
    if iam:
        options["credential_provider"] = _iam_credentials(parts.username or "")
    return RedisCluster(
        host=parts.hostname or "",
        port=parts.port or 6379,
        decode_responses=True,
        socket_timeout=TIMEOUT,
        socket_connect_timeout=2 * TIMEOUT,
        socket_keepalive=True,
        retry=Retry(NoBackoff(), 1),
        require_full_coverage=False,
        **options,
    )


def _iam_credentials(user: str) -> Any:
    """Signs a token of 15 minutes for each new connection, without any call."""
    from redis.credentials import CredentialProvider

    from functions.adapters.aws import presigned_query

    cache_name = os.environ["CACHE_NAME"]

    class IamCredentials(CredentialProvider):
        def get_credentials(self) -> tuple[str, str]:
            query = {"Action": "connect", "User": user, "ResourceType": "ServerlessCache"}
            return user, cache_name + presigned_query(cache_name, "/", "elasticache", query, 900)

    return IamCredentials()
