"""STOP and START, written down before they are confirmed."""

import time
from typing import Any

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
    confirmed = record_consent.handler({"message": MESSAGE, "plan": STOP}, None)["plan"]
    assert (confirmed["intent"], confirmed["reply_type"]) == ("opt_out", "opted_out")
    assert database.value("SELECT opted_out_at IS NOT NULL FROM contacts")
    assert [cached.load(key).person for key in (RUDO, "ZW.1")] == [None, None]
    assert all(cached.load(key).min_wal for key in (RUDO, "ZW.1"))  # the next look-up sees the change
    record_consent.handler({"message": MESSAGE, "plan": START}, None)
    assert database.value("SELECT opted_out_at IS NULL FROM contacts")


@pytest.mark.parametrize(("earlier", "later", "holds"), [(START, STOP, "opted_out"), (STOP, START, "opted_in")])
def test_a_redriven_message_does_not_undo_what_was_written_after_it(
    cached: Cached, database: Database, earlier: dict[str, Any], later: dict[str, Any], holds: str
) -> None:
    now = int(time.time())
    record_consent.handler({"message": MESSAGE | {"timestamp": now - 60}, "plan": later}, None)
    redriven = {"message": MESSAGE | {"id": "wamid.0", "timestamp": now - 3600}, "plan": earlier}
    assert record_consent.handler(redriven, None)["plan"]["reply_type"] == holds  # the reply tells what is true
    assert database.value("SELECT opted_out_at IS NOT NULL FROM contacts") is (holds == "opted_out")


def test_a_time_in_the_future_does_not_decide_for_ever(cached: Cached, database: Database) -> None:
    for moment, plan in [(int(time.time()) + 10**8, START), (int(time.time()) + 1, STOP)]:
        record_consent.handler({"message": MESSAGE | {"timestamp": moment}, "plan": plan}, None)
    assert database.value("SELECT opted_out_at IS NOT NULL FROM contacts")


def test_a_stop_that_cannot_be_written_is_a_failure(
    cached: Cached, database: Database, environment: pytest.MonkeyPatch
) -> None:
    without_primary(environment)
    with pytest.raises(DataUnavailable):
        record_consent.handler({"message": MESSAGE, "plan": STOP}, None)
