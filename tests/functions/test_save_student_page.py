"""Students as the school has them, in our tables: what is saved, what a clerk must put right, who has left."""

from collections.abc import Callable
from typing import Any

import pytest

from functions import save_students, understand
from functions.adapters.cache import Cache
from functions.adapters.database.connection import StatementRefused
from functions.domain.errors import InvalidRequest, SyncIncomplete
from tests.conftest import Database

RUDO, OTHER = "+263771234567", "+263712345678"
TARIRO = "SSC20257279"


def record(name: str = "Tariro Moyo", guardian: str = "0771 234 567", student_id: str = TARIRO, **more: str) -> Any:
    first, _, last = name.partition(" ")
    return {
        "student_id": student_id,
        "first_name": first,
        "last_name": last,
        "grade": "Grade 3",
        "guardian_mobile": guardian,
        "student_mobile": "",
    } | more


def page(*records: Any, run: Any = None, number: int = 1) -> dict[str, Any]:
    return save_students.handler({"page": number, "records": list(records), "run": run}, None)


def many(count: int) -> list[Any]:
    return [record(f"Child{n} Moyo", f"07712{n:05d}", f"SSC2025{n:04d}") for n in range(count)]


def finish(run: Any) -> dict[str, Any]:
    return save_students.handler({"finish": run}, None)


@pytest.fixture(autouse=True)
def _stores(database: Database, cache: Cache) -> None:
    """Real ones, empty."""


@pytest.fixture
def unusable(database: Database) -> Callable[[], dict[str, tuple[str, str]]]:
    """Place -> (problem, phone as written)."""

    def look() -> dict[str, tuple[str, str]]:
        return {row["place"]: (row["problem"], row["phone"]) for row in database.run("SELECT * FROM unusable_records")}

    return look


def numbers(database: Database, student_id: str = TARIRO) -> set[tuple[str, str]]:
    rows = database.run("SELECT phone, kind FROM phones WHERE student_id = :i", i=student_id)
    return {(row["phone"], row["kind"]) for row in rows}


# --- saving -----------------------------------------------------------------------------------------------------------


def test_a_page_is_saved_with_every_number_in_it(database: Database) -> None:
    found = page(record(guardian="0771 234 567 / 0712345678", student_mobile="(071) 234-5678"))
    assert {name: found[name] for name in ("saved", "new", "changed", "unusable")} == {
        "saved": 1,
        "new": 1,
        "changed": 0,
        "unusable": 0,
    }
    (student,) = database.run("SELECT id, first_name, last_name, grade, active FROM students")
    assert tuple(student.values()) == (TARIRO, "Tariro", "Moyo", "Grade 3", True)
    assert numbers(database) == {(RUDO, "guardian"), (OTHER, "guardian")}


def test_the_learners_own_number_is_told_from_the_guardians(database: Database) -> None:
    page(record(student_mobile="0712345678"))
    assert numbers(database) == {(RUDO, "guardian"), (OTHER, "student")}


def test_saving_a_page_again_changes_nothing(database: Database) -> None:
    run = page(record())["run"]
    before = database.run("SELECT updated_at FROM students")
    again = page(record(), run=run)
    assert (again["saved"], again["new"], again["changed"], again["run"]) == (1, 0, 0, run)
    assert database.run("SELECT updated_at FROM students") == before


def test_what_changed_at_the_school_changes_here(database: Database) -> None:
    page(record())
    found = page(record("Tariro Ncube", "0712345678", grade="Grade 4"))
    assert (found["new"], found["changed"]) == (0, 1)
    (student,) = database.run("SELECT last_name, grade FROM students")
    assert tuple(student.values()) == ("Ncube", "Grade 4")
    assert numbers(database) == {(OTHER, "guardian")}


def test_who_comes_back_is_active_again(database: Database) -> None:
    page(record())
    database.run("UPDATE students SET active = false")
    assert page(record())["changed"] == 1
    assert database.value("SELECT active FROM students")


def test_two_lines_for_two_guardians_are_one_student(database: Database) -> None:
    run = page(record(guardian="0771234567"), record(guardian="0712345678"))["run"]
    assert numbers(database) == {(RUDO, "guardian"), (OTHER, "guardian")}
    page(record(guardian="0773000000"), run=run, number=2)
    assert len(numbers(database)) == 3
    page(record(guardian="0773000000"))  # the next night they are gone from the list
    assert numbers(database) == {("+263773000000", "guardian")}


def test_a_page_is_saved_whole_or_not_at_all(database: Database) -> None:
    with pytest.raises(StatementRefused):  # when the unusable record is written, after the students
        page(record(student_id="SSC1"), record(guardian="07\0", student_id="SSC2"))
    assert database.value("SELECT count(*) FROM students") == 0


# --- a look-up, which anybody may cause ------------------------------------------------------------------------------


def looked_up(*records: Any) -> dict[str, Any]:
    return save_students.handler({"records": list(records), "sender": "ZW.1"}, None)


@pytest.mark.parametrize(
    "profile",
    [
        record(guardian="0771234567"),  # the child is listed once for each guardian, the profile knows one of them
        record(name="", guardian="", grade=""),
        record("Somebody Else", "0773000000"),
    ],
)
def test_a_stranger_who_names_a_child_takes_no_number_away(database: Database, cache: Cache, profile: Any) -> None:
    page(record(guardian="0771234567"), record(guardian="0712345678"))
    looked_up(profile)
    assert numbers(database) >= {(RUDO, "guardian"), (OTHER, "guardian")}
    assert [kind_of(cache, f"wamid.{phone}", phone) for phone in (RUDO, OTHER)] == ["registered"] * 2
    (student,) = database.run("SELECT first_name, last_name, grade FROM students")
    assert tuple(student.values()) == ("Tariro", "Moyo", "Grade 3")


def test_a_look_up_adds_the_number_that_the_office_has_just_entered(database: Database) -> None:
    page(record())
    assert looked_up(record(guardian="0712345678"))["changed"] == 1
    assert numbers(database) == {(RUDO, "guardian"), (OTHER, "guardian")}
    page(record(guardian="0712345678"))  # the next night the old one is gone
    assert numbers(database) == {(OTHER, "guardian")}


def test_a_look_up_brings_nobody_back_who_has_left(database: Database, cache: Cache) -> None:
    page(record())
    database.run("UPDATE students SET active = false")
    looked_up(record(guardian="0771 234 567 / 0712345678"))
    assert database.value("SELECT active FROM students") is False
    assert numbers(database) == {(RUDO, "guardian")}
    assert kind_of(cache, "wamid.1", RUDO) == "visitor"


def test_a_look_up_during_a_run_does_not_pass_for_a_page_of_it(database: Database) -> None:
    page(*many(9), record())
    run = page(*many(9))["run"]
    looked_up(record())
    assert finish(run)["deactivated"] == 1


# --- what cannot be used ----------------------------------------------------------------------------------------------


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
def test_a_record_that_cannot_be_used_is_kept_with_the_reason(
    database: Database, wrong: Any, place: str, problem: str, is_saved: bool
) -> None:
    assert page(wrong)["unusable"] == 1
    (kept,) = database.run("SELECT * FROM unusable_records")
    assert (kept["place"], kept["problem"]) == (place, problem)
    assert kept["fix"]
    assert bool(database.run("SELECT id FROM students")) is is_saved


def test_a_learner_who_has_a_number_of_their_own_needs_no_guardian(unusable: Callable[..., Any]) -> None:
    assert page(record(guardian="", student_mobile="0712345678"))["unusable"] == 0
    assert unusable() == {}


def test_a_number_given_to_two_students_is_the_first_ones(database: Database, unusable: Callable[..., Any]) -> None:
    run = page(record(), record("Simba Zhou", "0712345678"))["run"]
    page(record("Chido Zhou", "0712345678"), run=run, number=2)
    assert set(unusable()) == {f"{TARIRO}, page 1, record 2", f"{TARIRO}, page 2, record 1"}
    assert database.value("SELECT first_name FROM students") == "Tariro"
    assert numbers(database) == {(RUDO, "guardian")}


def test_a_record_put_right_leaves_the_list(unusable: Callable[..., Any], database: Database) -> None:
    page(record(guardian="07712"))
    assert unusable() == {TARIRO: ("the phone number cannot be read", "07712")}
    page(record(guardian="0771234567 / 0771234"))
    assert unusable() == {TARIRO: ("one of the phone numbers cannot be read", "0771234567 / 0771234")}
    assert database.value("SELECT first_seen < last_seen FROM unusable_records")
    page(record())
    assert unusable() == {}


def test_a_record_that_is_gone_leaves_the_list_at_the_end_of_the_run(unusable: Callable[..., Any]) -> None:
    page(record(), record(student_id=""))
    run = page(record())["run"]
    assert list(unusable()) == ["page 1, record 2"]
    assert finish(run)["unusable"] == 0
    assert unusable() == {}


# --- who has left -----------------------------------------------------------------------------------------------------


def test_who_was_on_no_page_is_deactivated_and_never_deleted(database: Database) -> None:
    page(*many(10))
    first, *rest = many(10)
    run = page(*rest[:5])["run"]
    assert database.value("SELECT count(*) FROM students WHERE active") == 10  # until the run is over
    assert page(*rest[5:], run=run, number=2)["run"] == run
    assert finish(run) == {"deactivated": 1, "active": 9, "unusable": 0}
    (left,) = database.run("SELECT id FROM students WHERE NOT active")
    assert left["id"] == first["student_id"]
    assert numbers(database, left["id"])


def test_a_run_that_saw_too_few_deactivates_nobody_and_fails(database: Database) -> None:
    page(*many(10))
    run = page(*many(7), record())["run"]
    with pytest.raises(SyncIncomplete, match="only 7 of 10"):
        finish(run)
    assert database.value("SELECT count(*) FROM students WHERE active") == 11


def test_many_new_students_do_not_hide_that_the_old_ones_are_missing(database: Database) -> None:
    page(*many(10))
    run = page(*(record(f"New{n} Moyo", f"07130{n:05d}", f"SSC2026{n:04d}") for n in range(90)))["run"]
    with pytest.raises(SyncIncomplete, match="only 0 of 10"):
        finish(run)


def test_an_empty_list_of_the_school_is_not_believed(database: Database) -> None:
    page(*many(3))
    with pytest.raises(SyncIncomplete):
        finish(page()["run"])


def test_a_student_looked_up_while_the_run_goes_on_stays(database: Database) -> None:
    run = page(*many(5))["run"]
    save_students.handler({"records": [record()], "sender": "ZW.1"}, None)
    assert finish(run) == {"deactivated": 0, "active": 6, "unusable": 0}


@pytest.mark.parametrize("run", [None, {}, {"began_at": "yesterday", "active_before": 1}, {"began_at": "2026-11-23"}])
def test_a_run_that_never_began_does_not_end(run: Any) -> None:
    with pytest.raises(InvalidRequest):
        finish(run)


# --- who writes meanwhile ---------------------------------------------------------------------------------------------


def kind_of(cache: Cache, message_id: str, phone: str, bsuid: str | None = None) -> str:
    message = {"id": message_id, "type": "text", "phone": phone, "text": "hi"} | ({"bsuid": bsuid} if bsuid else {})
    return str(understand.handler({"message": message}, None)["person"]["kind"])


def test_a_new_number_works_at_once_and_an_old_one_no_more(cache: Cache, database: Database) -> None:
    page(record())
    database.run("INSERT INTO contacts (phone, bsuid) VALUES (:p, 'ZW.2')", p=OTHER)
    assert kind_of(cache, "wamid.1", RUDO) == "registered"
    assert kind_of(cache, "wamid.2", OTHER, "ZW.2") == "visitor"
    page(record(guardian="0712345678"))
    assert kind_of(cache, "wamid.3", RUDO) == "visitor"
    assert kind_of(cache, "wamid.4", OTHER, "ZW.2") == "registered"


def test_who_left_loses_access_when_the_run_ends(cache: Cache) -> None:
    page(*many(9), record())
    run = page(*many(9))["run"]
    assert kind_of(cache, "wamid.1", RUDO) == "registered"
    finish(run)
    assert kind_of(cache, "wamid.2", RUDO) == "visitor"


def test_nobody_else_is_looked_up_anew(cache: Cache, database: Database) -> None:
    page(record())
    kind_of(cache, "wamid.1", RUDO)
    page(record(), record("Simba Zhou", "0712345678", "SSC2"))
    assert cache.first_look("wamid.2", RUDO, "").person is not None


def test_after_a_look_up_the_sender_is_seen_anew_whatever_it_brought(cache: Cache) -> None:
    cache.keep_person("ZW.9", {"kind": "visitor"})
    found = save_students.handler({"records": [], "sender": "ZW.9"}, None)
    assert found["saved"] == 0
    seen = cache.first_look("wamid.1", "ZW.9", "")
    assert seen.person is None
    assert seen.written == found["written"]
