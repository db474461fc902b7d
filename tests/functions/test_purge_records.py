"""The nightly purge: what is older than the school's days goes, in small transactions, and everything else stays."""

from dataclasses import fields
from typing import Any

import pytest

from functions import dependencies, purge_records
from functions.adapters.database.purge import TABLES, Purge
from functions.adapters.database.tables import metadata
from functions.adapters.school_config import school
from functions.domain.errors import DataUnavailable
from functions.domain.retention import KeepDays
from functions.services import purge_records as service
from tests.conftest import Counts, Database
from tests.functions.outages import without_primary

KEEP = school().keep_days
LONG = 4000  # days
# One row of each kind that is `:days` old; `:n` makes its keys unique.
ROWS = {
    "office_requests": "INSERT INTO office_requests (message_id, sender, words, opened_at) "
    "VALUES ('wamid.' || :n, '+263771234567', 'words', now() - make_interval(days => :days))",
    "staff_actions": "INSERT INTO staff_actions (message_id, staff, command, done_at) "
    "VALUES (:n, 'digest', 'today', now() - make_interval(days => :days))",
    "notices": "INSERT INTO notices (id, kind, content, received_at) "
    "VALUES (:n, 'price', '{}', now() - make_interval(days => :days))",
    "message_log": "INSERT INTO message_log (message_id, received_at) "
    "VALUES ('wamid.' || :n, now() - make_interval(days => :days))",
    "feedback": "INSERT INTO feedback (event_id, about, sender, given_at) "
    "VALUES (:n, 'wamid.1', '+263771234567', now() - make_interval(days => :days))",
    "pass_requests": "INSERT INTO pass_requests (message_id, student_id, week, number_in_week, requested_at) "
    "VALUES (:n, 'SSC1', '2026-11-23', CAST(:n AS int), now() - make_interval(days => :days))",
    "pass_scans": "INSERT INTO pass_looks (pass_id, result, looked_at) "
    "VALUES (NULL, 'valid', now() - make_interval(days => :days))",
    "gate_passes": "INSERT INTO gate_passes (number, token, student_id, term, tier, percent_paid, issued_on, "
    "valid_until, status) VALUES (:n, :n, 'SSC1', '2026-3', 'full', 100, :today, "
    "CAST(:today AS date) - CAST(:days AS int), 'expired')",
    "students": "INSERT INTO students (id, active, seen_at) "
    "VALUES ('SSC9' || :n, false, now() - make_interval(days => :days))",
    "contacts": "INSERT INTO contacts (bsuid, last_message_at) "
    "VALUES ('ZW.' || :n, now() - make_interval(days => :days))",
}


@pytest.fixture(autouse=True)
def records(database: Database) -> Database:
    """A child at school."""
    database.add_student("Tariro Moyo", "+263771234567", "SSC1")
    return database


def add(records: Database, kind: str, days: int, number: int = 1) -> None:
    values: dict[str, Any] = {"days": days, "n": str(number), "today": "2026-11-23"}
    records.run(ROWS[kind], **{name: value for name, value in values.items() if f":{name}" in ROWS[kind]})


def count(records: Database, kind: str) -> int:
    return int(records.value(f"SELECT count(*) FROM {TABLES[kind].name}"))


def purge() -> dict[str, Any]:
    return purge_records.handler({}, None)


def test_every_kind_has_days_and_a_table() -> None:
    assert list(TABLES) == [item.name for item in fields(KeepDays)] == list(ROWS)


def test_a_table_is_purged_or_something_else_empties_it() -> None:
    elsewhere = {"phones", "unusable_records", "digest_key"}  # with the student; by the sync; a single row
    assert {table.name for table in TABLES.values()} == set(metadata.tables) - elsewhere


@pytest.mark.parametrize("kind", TABLES)
def test_what_is_older_than_its_days_goes_and_what_is_younger_stays(
    records: Database, kind: str, counts: Counts
) -> None:
    before = count(records, kind)
    add(records, kind, getattr(KEEP, kind) - 1, 1)
    add(records, kind, getattr(KEEP, kind) + 1, 2)
    assert purge() == {"deleted": 1, "more": False}
    assert count(records, kind) == before + 1
    assert counts().split("RecordsPurged", "kind") == {kind: [1]}
    assert counts().total("RecordsPurged") == 1
    assert purge() == {"deleted": 0, "more": False}


def test_who_has_sent_stop_is_kept(records: Database) -> None:
    add(records, "contacts", LONG)
    records.run("UPDATE contacts SET opted_out_at = now() - interval '9 years'")
    assert purge()["deleted"] == 0


def test_a_child_at_school_is_kept_and_one_with_a_pass_goes_after_it(records: Database) -> None:
    records.run("UPDATE students SET seen_at = now() - interval '9 years'")
    assert purge()["deleted"] == 0
    records.run("UPDATE students SET active = false")
    add(records, "gate_passes", KEEP.gate_passes - 1)
    assert purge()["deleted"] == 0
    records.run("UPDATE gate_passes SET valid_until = valid_until - 2")
    assert purge()["deleted"] == 2
    assert count(records, "students") == 0
    assert records.value("SELECT count(*) FROM phones") == 0


def test_a_pass_goes_after_the_looks_at_it(records: Database) -> None:
    add(records, "gate_passes", LONG)
    add(records, "pass_scans", KEEP.pass_scans - 1)
    records.run("UPDATE pass_looks SET pass_id = (SELECT id FROM gate_passes)")
    assert purge()["deleted"] == 0
    records.run("UPDATE pass_looks SET looked_at = looked_at - interval '2 days'")
    assert purge()["deleted"] == 2


def test_many_rows_go_in_transactions_of_a_bounded_size(records: Database, environment: pytest.MonkeyPatch) -> None:
    environment.setattr(service, "BATCH", 2)
    for number in range(5):
        add(records, "notices", LONG, number)
    sizes = []
    delete = Purge.delete_some

    def spied(self: Purge, kind: str, most: int) -> int:
        sizes.append(deleted := delete(self, kind, most))
        return deleted

    environment.setattr(Purge, "delete_some", spied)
    assert purge() == {"deleted": 5, "more": False}
    assert [size for size in sizes if size] == [2, 2, 1]


def test_what_does_not_fit_into_the_time_is_left_to_the_next_call(records: Database) -> None:
    add(records, "notices", LONG)
    assert dependencies.record_purger().purge(seconds=0) == {"deleted": 0, "more": True}
    assert purge() == {"deleted": 1, "more": False}


def test_without_the_database_it_fails_so_that_it_is_tried_again(environment: pytest.MonkeyPatch) -> None:
    without_primary(environment)
    with pytest.raises(DataUnavailable):
        purge()
