"""The account from the cache where it is fresh; else what to fetch from the school, and how long to wait before."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from functions.adapters import observability
from functions.adapters.cache.account_cache import SOFT_LIFE, AccountCache
from functions.adapters.cache.rate_limit import RateLimit
from functions.adapters.cache.redis_client import CachedValue

MAX_WAIT: Final = 20  # seconds that a parent waits for the school's rate limit


@dataclass(frozen=True)
class FoundAccount:
    """What is known of some students' accounts of one term; `account` as `domain.accounts.Account` reads it."""

    account: dict[str, Any] | None = None  # fresh
    last: dict[str, Any] | None = None  # past its soft life, to be used when the school does not answer
    fetch: dict[str, Any] | None = None  # {"student_ids", "term", "wait": whole seconds}; None: not allowed now


@dataclass(frozen=True)
class AccountLookup:
    """Reads the cache and reserves calls of the school's API; it fetches nothing itself."""

    cache: AccountCache
    rate_limit: RateLimit

    def find(self, student_ids: Sequence[str], term: str, max_wait: float) -> FoundAccount:
        """The accounts of these students. `max_wait`: seconds that the caller accepts to wait before a fetch."""
        cached = self.cache.get(student_ids, term)
        known = combine(term, student_ids, cached)
        if known and all(item.is_fresh(SOFT_LIFE) for item in cached.values()):
            observability.count("CacheHits")
            return FoundAccount(account=known)
        observability.count("CacheMisses")
        last = known | {"stale": True} if known else None
        wait = self.rate_limit.reserve(len(student_ids), max_wait)
        if wait is None:
            return FoundAccount(last=last)
        fetch = {"student_ids": list(student_ids), "term": term, "wait": math.ceil(wait)}
        return FoundAccount(last=last, fetch=fetch)


def combine(term: str, student_ids: Sequence[str], cached: Mapping[str, CachedValue]) -> dict[str, Any] | None:
    """One account from the cached ones, as old as its oldest part; None unless every student is there."""
    if not student_ids or set(student_ids) - set(cached):
        return None
    oldest = min(item.fetched_at for item in cached.values())
    return {
        "term": term,
        "as_of": datetime.fromtimestamp(oldest, UTC).isoformat(timespec="seconds"),
        "stale": False,
        "bills": {student_id: cached[student_id].value["bills"] for student_id in student_ids},
        "payments": {student_id: cached[student_id].value["payments"] for student_id in student_ids},
    }


def to_cache(account: Mapping[str, Any]) -> dict[str, object]:
    """What the cache keeps of a fetched account: each student whom the school knows, by id."""
    pairs = {student_id: (bills, account["payments"].get(student_id)) for student_id, bills in account["bills"].items()}
    return {
        student_id: {"bills": bills, "payments": payments}
        for student_id, (bills, payments) in pairs.items()
        if bills is not None and payments is not None
    }


def fetched_at(account: Mapping[str, Any] | None) -> float | None:
    """When the fetch of an account began (Unix seconds)."""
    as_of = account.get("as_of") if account else None
    return datetime.fromisoformat(as_of).timestamp() if as_of else None
