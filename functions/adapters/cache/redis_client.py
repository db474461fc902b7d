"""The connection to the cache (Valkey or Redis in cluster mode).

A cache that is down costs speed, never an answer: every call has a plain value for that case and logs a warning.
Keys carry a version prefix. Values carry the time they were fetched: a value is fresh during its soft life; until the
hard life ends it may still be served, with its date, when the source is down.
"""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

from redis.backoff import NoBackoff
from redis.cluster import RedisCluster
from redis.exceptions import AuthenticationError
from redis.retry import Retry

from functions.adapters import observability

VERSION: Final = "v1"
HARD_LIFE: Final = 24 * 3600  # seconds
TIMEOUT: Final = 1.0  # seconds: a new connection's TLS handshake and sign-in take more than half of it on a cold start
PAUSE: Final = 5  # seconds without a call to a cache that did not respond: each would cost its caller about a second

Result = TypeVar("Result")


@dataclass(frozen=True)
class CachedValue:
    """A value with the time it was fetched (Unix seconds)."""

    value: Any
    fetched_at: float

    def is_fresh(self, life: float) -> bool:
        """Whether the soft life of `life` seconds has not ended."""
        return time.time() - self.fetched_at < life


class RedisClient:
    """One connection pool per process, made on first use and made anew after a failure."""

    def __init__(self, url: str, *, iam: bool = False, cache_name: str = "") -> None:
        """`iam`: sign in with the function's own role, with tokens for the serverless cache `cache_name`."""
        self.url = url
        self._iam = iam
        self._cache_name = cache_name
        self._cluster: RedisCluster | None = None
        self._retry_at = 0.0  # monotonic time

    def run(self, use: Callable[[RedisCluster], Result], otherwise: Result) -> Result:
        """What `use` returns; `otherwise` when the cache is down."""
        started = time.monotonic()
        if started < self._retry_at:
            return otherwise
        try:
            return self._use(use)
        except Exception as error:  # redis-py raises IndexError, KeyError and others for a cluster without slots
            self._cluster = None
            if time.monotonic() - started >= TIMEOUT:
                self._retry_at = time.monotonic() + PAUSE
            observability.count("CacheFailures")
            observability.logger().warning("cache unavailable", error=type(error).__name__)
            return otherwise

    def _use(self, use: Callable[[RedisCluster], Result]) -> Result:
        try:
            return use(self.cluster())
        except Exception as error:
            if not (self._iam and _is_refused_sign_in(error)):
                raise
            self._cluster = None  # a token of a role session that has just ended: once more, with a new one
            return use(self.cluster())

    def get(self, *parts: str) -> CachedValue | None:
        """The value under these key parts."""

        def read(cluster: RedisCluster) -> CachedValue | None:
            raw: Any = cluster.get(key(*parts))
            return unpack(raw)

        return self.run(read, None)

    def store(self, value: object, *parts: str) -> None:
        """Store a value under these key parts until its hard life ends."""
        self.run(lambda cluster: cluster.set(key(*parts), pack(value), ex=HARD_LIFE), None)

    def prewarm(self) -> None:
        """Connect."""
        self.run(lambda cluster: cluster.ping(), None)

    def cluster(self) -> RedisCluster:
        """The connected client; its connections are kept across invocations."""
        if self._cluster is None:
            self._cluster = self._connect()
        return self._cluster

    def _connect(self) -> RedisCluster:
        parts = urlsplit(self.url)
        options: dict[str, Any] = {"ssl": True, "ssl_check_hostname": True} if parts.scheme == "rediss" else {}
        if self._iam:
            options["credential_provider"] = _iam_credentials(parts.username or "", self._cache_name)
        return RedisCluster(
            host=parts.hostname or "",
            port=parts.port or 6379,
            decode_responses=True,
            socket_timeout=TIMEOUT,
            socket_connect_timeout=TIMEOUT,
            socket_keepalive=True,
            retry=Retry(NoBackoff(), 1),
            require_full_coverage=False,
            dynamic_startup_nodes=False,  # a serverless cache changes its nodes and keeps its endpoint
            protocol=2,  # 3 would subscribe to notices of maintenance, which ElastiCache does not have
            driver_info=None,  # no CLIENT SETINFO: two round trips less for each connection
            **options,
        )


def pipeline(cluster: RedisCluster) -> Any:
    return cluster.pipeline()  # type: ignore[no-untyped-call]


def key(*parts: str) -> str:
    """The versioned key of these parts."""
    return ":".join((VERSION, *parts))


def pack(value: object, fetched_at: float | None = None) -> str:
    """A value as it is stored; `fetched_at`: Unix seconds, by default now."""
    moment = time.time() if fetched_at is None else fetched_at
    return json.dumps({"at": round(moment, 3), "v": value}, separators=(",", ":"))


def unpack(raw: str | None) -> CachedValue | None:
    """A stored value; anything that is not of its form counts as missing."""
    try:
        found = json.loads(raw) if raw else None
        return CachedValue(found["v"], float(found["at"])) if found else None
    except (ValueError, KeyError, TypeError):
        return None


def _is_refused_sign_in(error: BaseException) -> bool:
    """WRONGPASS, or the client's own error for a cluster that could not be looked up because of it."""
    return isinstance(error, AuthenticationError) or isinstance(error.__cause__, AuthenticationError)


def _iam_credentials(user: str, cache_name: str) -> Any:
    """Signs a token of 15 minutes for each new connection, without any call."""
    from redis.credentials import CredentialProvider

    from functions.adapters.aws import presigned_query

    class IamCredentials(CredentialProvider):
        def get_credentials(self) -> tuple[str, str]:
            query = {"Action": "connect", "User": user, "ResourceType": "ServerlessCache"}
            return user, cache_name + presigned_query(cache_name, "/", "elasticache", query, 900)

    return IamCredentials()
