"""The account in the cache, and our turns at the school's API."""

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from functions.adapters import observe
from functions.adapters.cache import ACCOUNT_LIFE, Cache, Kept
from functions.domain.conversation import Next, Plan

LONGEST_WAIT = 20  # seconds that a parent waits for a turn at the school's API


def known_or_to_fetch(cache: Cache, plan: Plan, calls_per_minute: int) -> dict[str, Any]:
    """The account where it is fresh; else what to fetch, when it is our turn, and what was known last."""
    ids = [student.id for student in plan.students]
    kept = {name: item for name, item in cache.accounts(ids, plan.term or "").items() if is_account(item.value)}
    known = known_account(plan.term or "", ids, kept)
    if known and all(item.is_fresh(ACCOUNT_LIFE) for item in kept.values()):
        observe.count("CacheHits")
        return {"account": known}
    observe.count("CacheMisses")
    wait = cache.take_turn(len(ids), calls_per_minute, LONGEST_WAIT if plan.needs_account else 0)
    last = known | {"stale": True} if known and plan.next != Next.GATE_PASS else None
    if wait is not None:
        return {"fetch": {"student_ids": ids, "term": plan.term}, "wait": math.ceil(wait), "last_account": last}
    if not plan.needs_account:
        return {}
    # A question is answered without figures then, as when the school is down.
    return {"account": last, "problem": None if last or plan.next == Next.AI else "school_busy"}


def to_keep(account: Mapping[str, Any]) -> dict[tuple[str, ...], object]:
    """What the cache keeps of fetched figures, by key: of each student whom the school knows."""
    both = {name: (bills, account["payments"].get(name)) for name, bills in account.get("bills", {}).items()}
    return {
        ("account", name, account["term"]): {"bills": bills, "payments": payments}
        for name, (bills, payments) in both.items()
        if bills is not None and payments is not None
    }


def is_account(value: Any) -> bool:
    """Whether the cache holds what `remember` keeps; anything else counts as nothing."""
    return isinstance(value, dict) and all(isinstance(value.get(name), list) for name in ("bills", "payments"))


def known_account(term: str, ids: list[str], kept: dict[str, Kept]) -> dict[str, Any] | None:
    """The account from the cache, as old as its oldest part; None unless every student is there."""
    if not ids or set(ids) - set(kept):
        return None
    oldest = min(item.at for item in kept.values())
    return {
        "term": term,
        "as_of": datetime.fromtimestamp(oldest, UTC).isoformat(timespec="seconds"),
        "stale": False,
        "bills": {name: kept[name].value["bills"] for name in ids},
        "payments": {name: kept[name].value["payments"] for name in ids},
    }
