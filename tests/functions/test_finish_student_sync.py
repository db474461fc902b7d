"""The end of the nightly sync: students who were on no page have left."""

from typing import Any

import pytest

from functions.domain.errors import InvalidRequest, SyncIncomplete
from tests.conftest import Counts, Database
from tests.functions.conftest import Cached
from tests.functions.student_records import (
    RUDO,
    finish,
    kind_of,
    many,
    numbers,
    record,
    save_found,
    save_page,
    unusable,
)


@pytest.fixture(autouse=True)
def stores(database: Database, cached: Cached) -> None:
    """Both empty."""


def test_a_student_on_no_page_is_deactivated_and_not_deleted(database: Database) -> None:
    save_page(*many(10))
    first, *rest = many(10)
    run = save_page(*rest[:5])["run"]
    assert database.value("SELECT count(*) FROM students WHERE active") == 10  # until the run is over
    assert save_page(*rest[5:], run=run, number=2)["run"] == run
    assert finish(run) == {"deactivated": 1, "active": 9, "unusable": 0, "shared_numbers": 0}
    (left,) = database.run("SELECT id FROM students WHERE NOT active")
    assert left["id"] == first["student_id"]
    assert numbers(database, left["id"])


def test_an_unusable_record_that_is_gone_leaves_the_list(database: Database) -> None:
    save_page(record(), record(student_id=""))
    run = save_page(record())["run"]
    assert list(unusable(database)) == ["page 1, record 2"]
    assert finish(run)["unusable"] == 0
    assert unusable(database) == {}


def test_a_number_on_record_for_two_families_is_counted_until_it_is_corrected(counts: Counts) -> None:
    moyo = record("Tariro Moyo", "0771 234 567", "SSC20259001")
    sister = record("Tanaka MOYO", "0771 234 567", "SSC20259002")
    dube = record("Rudo Dube", "0771 234 567", "SSC20259003")
    assert finish(save_page(moyo, sister, dube)["run"])["shared_numbers"] == 1
    assert counts().total("SharedNumbers") == 1
    corrected = dube | {"guardian_mobile": "0772 345 678"}
    assert finish(save_page(moyo, sister, corrected)["run"])["shared_numbers"] == 0


def test_a_run_that_saw_too_few_students_fails_and_deactivates_nobody(database: Database) -> None:
    save_page(*many(10))
    run = save_page(*many(7), record())["run"]
    with pytest.raises(SyncIncomplete, match="only 7 of 10"):
        finish(run)
    assert database.value("SELECT count(*) FROM students WHERE active") == 11


def test_many_new_students_do_not_hide_that_the_old_ones_are_missing(database: Database) -> None:
    save_page(*many(10))
    run = save_page(*(record(f"New{n} Moyo", f"07130{n:05d}", f"SSC2026{n:04d}") for n in range(90)))["run"]
    with pytest.raises(SyncIncomplete, match="only 0 of 10"):
        finish(run)


def test_an_empty_list_of_the_school_is_a_failure(database: Database) -> None:
    save_page(*many(3))
    with pytest.raises(SyncIncomplete):
        finish(save_page()["run"])


def test_a_student_found_by_a_look_up_during_the_run_stays(database: Database) -> None:
    run = save_page(*many(5))["run"]
    save_found(record())
    assert finish(run) == {"deactivated": 0, "active": 6, "unusable": 0, "shared_numbers": 0}


@pytest.mark.parametrize("run", [None, {}, {"began_at": "yesterday", "active_before": 1}, {"began_at": "2026-11-23"}])
def test_a_run_that_never_began_is_refused(run: Any) -> None:
    with pytest.raises(InvalidRequest):
        finish(run)


def test_a_guardian_of_a_student_who_left_loses_access_when_the_run_ends(cached: Cached) -> None:
    save_page(*many(9), record())
    run = save_page(*many(9))["run"]
    assert kind_of("wamid.1", RUDO) == "registered"
    finish(run)
    assert kind_of("wamid.2", RUDO) == "visitor"
