"""The end of a payment notice: it is done, and the new figures are cached."""

from typing import Any

import pytest

from functions import record_payment
from functions.adapters.cache.message_claims import Claim
from functions.domain.errors import DataUnavailable
from tests.conftest import Counts, Database
from tests.functions.conftest import Cached
from tests.functions.examples import ACCOUNT, BILLS, TARIRO, TERM, log_row
from tests.functions.outages import without_cache, without_primary

NAME = "payment:b-1"
FETCHED = ACCOUNT | {"as_of": "2026-11-23T08:32:00+00:00"}


def record(account: Any = None, lost: int = 0) -> dict[str, Any]:
    return record_payment.handler({"claim": NAME, "account": account, "lost": lost}, None)


def test_the_notice_is_done_and_the_new_figures_are_cached(cached: Cached, database: Database) -> None:
    assert record(FETCHED) == {}
    assert cached.claim(NAME) == Claim.DONE
    account = cached.accounts([TARIRO], TERM)[TARIRO]
    assert (account.value["bills"], account.fetched_at) == (BILLS, 1795422720.0)
    row = log_row(database, NAME)
    assert (row["type"], row["intent"], row["reply_id"]) == ("payment", "payment", None)


def test_without_new_figures_nothing_is_cached(cached: Cached, database: Database) -> None:
    record()
    assert cached.claim(NAME) == Claim.DONE
    assert cached.accounts([TARIRO], TERM) == {}


def test_receipts_that_could_not_be_sent_are_counted(cached: Cached, database: Database, counts: Counts) -> None:
    record(lost=2)
    assert counts().total("ReceiptsLost") == 2
    record()
    assert counts().total("ReceiptsLost") == 2


def test_one_store_is_enough_and_without_both_it_fails(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    with environment.context() as no_database:
        without_primary(no_database)
        assert record() == {}
    without_cache(environment)
    assert record() == {}
    without_primary(environment)
    with pytest.raises(DataUnavailable):
        record()
