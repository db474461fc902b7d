"""A page of the nightly sync: what is saved, and which records a clerk must correct."""

from typing import Any

import pytest

from functions import save_student_page
from functions.adapters.database.connection import StatementRefused
from functions.domain.errors import InvalidRequest
from tests.conftest import Database
from tests.functions.conftest import Cached
from tests.functions.student_records import OTHER, RUDO, TARIRO, kind_of, numbers, record, save_page, unusable


@pytest.fixture(autouse=True)
def stores(database: Database, cached: Cached) -> None:
    """Both empty."""


# --- saving -----------------------------------------------------------------------------------------------------------


def test_a_page_is_saved_with_every_number_on_it(database: Database) -> None:
    found = save_page(record(guardian="0771 234 567 / 0712345678", student_mobile="(071) 234-5678"))
    assert {name: found[name] for name in ("saved", "new", "changed", "unusable")} == {
        "saved": 1,
        "new": 1,
        "changed": 0,
        "unusable": 0,
    }
    (student,) = database.run("SELECT id, first_name, last_name, grade, active FROM students")
    assert tuple(student.values()) == (TARIRO, "Tariro", "Moyo", "Grade 3", True)
    assert numbers(database) == {(RUDO, "guardian"), (OTHER, "guardian")}


def test_the_learners_own_number_is_told_apart_from_the_guardians(database: Database) -> None:
    save_page(record(student_mobile="0712345678"))
    assert numbers(database) == {(RUDO, "guardian"), (OTHER, "student")}


def test_saving_a_page_again_changes_nothing(database: Database) -> None:
    run = save_page(record())["run"]
    before = database.run("SELECT updated_at FROM students")
    again = save_page(record(), run=run)
    assert (again["saved"], again["new"], again["changed"], again["run"]) == (1, 0, 0, run)
    assert database.run("SELECT updated_at FROM students") == before


def test_a_change_at_the_school_is_saved(database: Database) -> None:
    save_page(record())
    found = save_page(record("Tariro Ncube", "0712345678", grade="Grade 4"))
    assert (found["new"], found["changed"]) == (0, 1)
    (student,) = database.run("SELECT last_name, grade FROM students")
    assert tuple(student.values()) == ("Ncube", "Grade 4")
    assert numbers(database) == {(OTHER, "guardian")}


def test_a_student_who_comes_back_is_active_again(database: Database) -> None:
    save_page(record())
    database.run("UPDATE students SET active = false")
    assert save_page(record())["changed"] == 1
    assert database.value("SELECT active FROM students")


def test_two_records_for_two_guardians_are_one_student(database: Database) -> None:
    run = save_page(record(guardian="0771234567"), record(guardian="0712345678"))["run"]
    assert numbers(database) == {(RUDO, "guardian"), (OTHER, "guardian")}
    save_page(record(guardian="0773000000"), run=run, number=2)
    assert len(numbers(database)) == 3
    save_page(record(guardian="0773000000"))  # the next night they are gone from the list
    assert numbers(database) == {("+263773000000", "guardian")}


def test_a_page_is_saved_whole_or_not_at_all(database: Database) -> None:
    with pytest.raises(StatementRefused):  # when the unusable record is written, after the students
        save_page(record(student_id="SSC1"), record(guardian="07\0", student_id="SSC2"))
    assert database.value("SELECT count(*) FROM students") == 0


# --- records that cannot be used --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "place", "problem", "is_saved"),
    [
        (record(student_id=""), "page 1, record 1", "no student number", False),
        (record(student_id="12A"), "page 1, record 1", "not a student number", False),
        (record(student_id="SSC" + "1" * 40), "page 1, record 1", "not a student number", False),
        (record(guardian=""), TARIRO, "no phone number", True),
        (record(guardian="07712"), TARIRO, "the phone number cannot be read", True),
        (record(guardian="", student_mobile="12"), TARIRO, "the phone number cannot be read", True),
        (record(guardian="07712", student_mobile="0712345678"), TARIRO, "the phone number cannot be read", True),
        (record(guardian="0771234567 / 07123"), TARIRO, "one of the phone numbers cannot be read", True),
        (record(student_mobile="07123 or 0712345678"), TARIRO, "one of the phone numbers cannot be read", True),
        (record(name=""), TARIRO, "no name", True),
    ],
)
def test_a_record_that_cannot_be_used_is_listed_with_the_reason(
    database: Database, wrong: Any, place: str, problem: str, is_saved: bool
) -> None:
    assert save_page(wrong)["unusable"] == 1
    (kept,) = database.run("SELECT * FROM unusable_records")
    assert (kept["place"], kept["problem"]) == (place, problem)
    assert kept["fix"]
    assert bool(database.run("SELECT id FROM students")) is is_saved


def test_a_learner_with_an_own_number_needs_no_guardian(database: Database) -> None:
    assert save_page(record(guardian="", student_mobile="0712345678"))["unusable"] == 0
    assert unusable(database) == {}


def test_a_student_number_given_twice_belongs_to_the_first_record(database: Database) -> None:
    run = save_page(record(), record("Simba Zhou", "0712345678"))["run"]
    save_page(record("Chido Zhou", "0712345678"), run=run, number=2)
    assert set(unusable(database)) == {f"{TARIRO}, page 1, record 2", f"{TARIRO}, page 2, record 1"}
    assert database.value("SELECT first_name FROM students") == "Tariro"
    assert numbers(database) == {(RUDO, "guardian")}


def test_a_corrected_record_leaves_the_list_of_unusable_ones(database: Database) -> None:
    save_page(record(guardian="07712"))
    assert unusable(database) == {TARIRO: ("the phone number cannot be read", "07712")}
    save_page(record(guardian="0771234567 / 0771234"))
    assert unusable(database) == {TARIRO: ("one of the phone numbers cannot be read", "0771234567 / 0771234")}
    assert database.value("SELECT first_seen < last_seen FROM unusable_records")
    save_page(record())
    assert unusable(database) == {}


# --- people who write meanwhile ---------------------------------------------------------------------------------------


def test_a_new_number_works_at_once_and_a_removed_one_no_longer(cached: Cached, database: Database) -> None:
    save_page(record())
    database.run("INSERT INTO contacts (phone, bsuid) VALUES (:p, 'ZW.2')", p=OTHER)
    assert kind_of("wamid.1", RUDO) == "registered"
    assert kind_of("wamid.2", OTHER, "ZW.2") == "visitor"
    save_page(record(guardian="0712345678"))
    assert kind_of("wamid.3", RUDO) == "visitor"
    assert kind_of("wamid.4", OTHER, "ZW.2") == "registered"


def test_people_whom_a_page_does_not_change_stay_cached(cached: Cached, database: Database) -> None:
    save_page(record())
    kind_of("wamid.1", RUDO)
    save_page(record(), record("Simba Zhou", "0712345678", "SSC2"))
    assert cached.load(RUDO).person is not None


# --- requests ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"records": []}, "page"),
        ({"page": "1", "records": []}, "page"),
        ({"page": 1}, "records"),
        ({"page": 1, "records": {}}, "records"),
        ({"page": 1, "records": [], "run": {"began_at": "yesterday"}}, "run"),
    ],
)
def test_an_incomplete_request_is_refused_by_name(event: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest, match=field):
        save_student_page.handler(event, None)
