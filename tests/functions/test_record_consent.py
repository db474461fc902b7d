"""STOP and START, written down before they are confirmed."""

import pytest

from functions import record_consent
from functions.domain.errors import DataUnavailable
from tests.conftest import Database
from tests.functions.conftest import Cached
from tests.functions.examples import MESSAGE, PERSON, RUDO, START, STOP
from tests.functions.outages import without_primary


def test_stop_and_start_are_written_and_the_person_is_looked_up_anew(cached: Cached, database: Database) -> None:
    for key in (RUDO, "ZW.1"):
        cached.senders.store_person(key, PERSON)
    assert record_consent.handler({"message": MESSAGE, "plan": STOP}, None) == {}
    assert database.value("SELECT opted_out_at IS NOT NULL FROM contacts")
    assert [cached.load(key).person for key in (RUDO, "ZW.1")] == [None, None]
    assert all(cached.load(key).min_wal for key in (RUDO, "ZW.1"))  # the next look-up sees the change
    record_consent.handler({"message": MESSAGE, "plan": START}, None)
    assert database.value("SELECT opted_out_at IS NULL FROM contacts")


def test_a_stop_that_cannot_be_written_is_a_failure(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    without_primary(environment)
    with pytest.raises(DataUnavailable):
        record_consent.handler({"message": MESSAGE, "plan": STOP}, None)
