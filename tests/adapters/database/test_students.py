"""Students and the numbers that may ask about them: what a sync and a look-up make of the school's records."""

import pytest

from functions import dependencies
from functions.adapters.database.students import Saved, Students, SyncRun
from functions.adapters.school_config import school
from functions.domain.errors import SyncIncomplete
from functions.domain.student_records import StudentRecord
from tests.conftest import Database as Tables

RUDO, OTHER = "+263771234567", "+263712345678"
TARIRO = "SSC20257279"


def record(
    name: str = "Tariro Moyo", guardian: str = "0771 234 567", student_id: str = TARIRO, own: str = ""
) -> StudentRecord:
    first, _, last = name.partition(" ")
    return StudentRecord(student_id, first, last, "Grade 3", guardian, own)


def begin_run() -> SyncRun:
    with dependencies.primary().writer() as connection:
        return Students(connection).begin_run()


def save(*records: StudentRecord, run: SyncRun | None, page: int = 1) -> Saved:
    with dependencies.primary().writer() as connection:
        return Students(connection).save(records, school(), page, run)


def finish_run(run: SyncRun) -> tuple[int, frozenset[str]]:
    with dependencies.primary().writer() as connection:
        return Students(connection).finish_run(run)


def numbers(tables: Tables, student_id: str = TARIRO) -> set[tuple[str, str]]:
    rows = tables.run("SELECT phone, kind FROM phones WHERE student_id = :i", i=student_id)
    return {(row["phone"], row["kind"]) for row in rows}


def test_record_is_saved_with_every_number_in_it(tables: Tables) -> None:
    saved = save(record(guardian="0771 234 567 / 0712345678", own="0773000000"), run=begin_run())
    assert saved == Saved(1, 1, 0, 0, frozenset({RUDO, OTHER, "+263773000000"}))
    assert numbers(tables) == {(RUDO, "guardian"), (OTHER, "guardian"), ("+263773000000", "student")}


def test_saving_the_same_again_changes_nothing(tables: Tables) -> None:
    run = begin_run()
    save(record(), run=run)
    before = tables.run("SELECT updated_at FROM students")
    assert save(record(), run=run) == Saved(1, 0, 0, 0, frozenset())
    assert tables.run("SELECT updated_at FROM students") == before


def test_next_run_takes_away_what_the_school_took_away(tables: Tables) -> None:
    save(record(guardian="0771234567 / 0712345678"), run=begin_run())
    saved = save(record("Tariro Ncube", "0712345678"), run=begin_run())
    assert saved == Saved(1, 0, 1, 0, frozenset({RUDO, OTHER}))
    assert numbers(tables) == {(OTHER, "guardian")}


def test_student_listed_on_two_pages_has_the_numbers_of_both(tables: Tables) -> None:
    run = begin_run()
    save(record(guardian="0771234567"), run=run)
    save(record(guardian="0712345678"), run=run, page=2)
    assert numbers(tables) == {(RUDO, "guardian"), (OTHER, "guardian")}


def test_look_up_only_adds_numbers(tables: Tables) -> None:
    save(record(), run=begin_run())
    save(record("Somebody Else", "0712345678"), run=None)
    assert numbers(tables) == {(RUDO, "guardian"), (OTHER, "guardian")}
    assert tables.value("SELECT first_name FROM students") == "Tariro"


def test_look_up_adds_a_new_student_and_brings_nobody_back(tables: Tables) -> None:
    assert save(record(), run=None).new == 1
    tables.run("UPDATE students SET active = false")
    assert save(record(), run=None).changed == 0
    assert not tables.value("SELECT active FROM students")
    assert save(record(), run=begin_run()).changed == 1
    assert tables.value("SELECT active FROM students")


def test_unusable_record_is_noted_until_it_is_good(tables: Tables) -> None:
    assert save(record(guardian="077"), run=begin_run()).unusable == 1
    query = "SELECT place, problem, phone FROM unusable_records"
    assert [tuple(row.values()) for row in tables.run(query)] == [
        (TARIRO, "the phone number cannot be read", "077"),
    ]
    save(record(), run=begin_run())
    assert tables.run(query) == []


def test_students_that_a_run_did_not_see_have_left(tables: Tables) -> None:
    records = [record(f"Child{n} Moyo", f"07712{n:05d}", f"SSC2025{n:04d}") for n in range(10)]
    save(*records, run=begin_run())
    run = begin_run()
    assert run.active_before == 10
    save(*records[:8], run=run)
    left, known_by = finish_run(run)
    assert left == 2
    assert known_by == {f"+26377120000{n}" for n in (8, 9)}
    with dependencies.primary().writer() as connection:
        assert Students(connection).count() == {"active": 8, "unusable": 0, "shared_numbers": 0}


def test_run_that_saw_too_few_students_deactivates_nobody(tables: Tables) -> None:
    records = [record(f"Child{n} Moyo", f"07712{n:05d}", f"SSC2025{n:04d}") for n in range(10)]
    save(*records, run=begin_run())
    run = begin_run()
    save(*records[:7], run=run)
    with pytest.raises(SyncIncomplete, match="7 of 10"):
        finish_run(run)
    assert tables.value("SELECT count(*) FROM students WHERE active") == 10


def test_people_are_remembered_under_number_and_user_id(tables: Tables) -> None:
    tables.run("INSERT INTO contacts (phone, bsuid) VALUES (:p, 'ZW.1'), ('+263770000001', 'ZW.2')", p=RUDO)
    with dependencies.primary().writer() as connection:
        assert Students(connection).senders_of([RUDO, OTHER]) == [OTHER, RUDO, "ZW.1"]
        assert Students(connection).senders_of([]) == []
