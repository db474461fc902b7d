"""The account from the cache, or what to fetch from the school and how long to wait before."""

from typing import Any

import pytest

from functions.adapters.cache.redis_client import CachedValue
from functions.services.account_lookup import combine, fetched_at, to_cache

TERM = "2026-3"
BILLS, PAYMENTS = [{"fee_type": "Tuition", "amount": "400.00"}], [{"fee_type": "Tuition", "amount": "160.00"}]
ACCOUNT = {"bills": BILLS, "payments": PAYMENTS}


def cached(at: float) -> CachedValue:
    return CachedValue(ACCOUNT, at)


def test_the_account_of_a_family_is_as_old_as_its_oldest_part() -> None:
    found = combine(TERM, ["a", "b"], {"a": cached(1795420800), "b": cached(1795420100)})
    assert found is not None
    assert (found["as_of"], found["stale"], found["term"]) == ("2026-11-23T07:48:20+00:00", False, TERM)
    assert found["bills"] == {"a": BILLS, "b": BILLS}
    assert found["payments"] == {"a": PAYMENTS, "b": PAYMENTS}


@pytest.mark.parametrize(("ids", "known"), [([], {}), (["a"], {}), (["a", "b"], {"a": cached(1)})])
def test_an_account_that_is_not_complete_is_none(ids: list[str], known: dict[str, CachedValue]) -> None:
    assert combine(TERM, ids, known) is None


def test_only_students_whom_the_school_knows_are_cached() -> None:
    account: dict[str, Any] = {
        "bills": {"a": BILLS, "b": None, "c": BILLS, "d": []},
        "payments": {"a": PAYMENTS, "b": PAYMENTS, "c": None, "d": []},
    }
    assert to_cache(account) == {"a": ACCOUNT, "d": {"bills": [], "payments": []}}


@pytest.mark.parametrize(
    ("account", "moment"),
    [({"as_of": "2026-11-23T08:00:00+00:00"}, 1795420800.0), ({"as_of": ""}, None), ({}, None), (None, None)],
)
def test_the_age_of_an_account_counts_from_the_beginning_of_its_fetch(account: Any, moment: float | None) -> None:
    assert fetched_at(account) == moment
