"""A parent whom only the school knows, and the nightly sync, on the whole product."""

import io
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from rich.console import Console
from sqlalchemy import create_engine, text

from local import student_sync
from local.stack import Stack
from local.stack_client import StackClient
from tests.e2e.conftest import Phone

Phones = Callable[..., Phone]
MOTHER, CHILD = "+263772100025", "SSC20250030"  # enrolled since the last sync
LOOK_UP = ["Find student", "Save found student", "Understand"]


@pytest.fixture
def sql(running: StackClient, stack: Stack) -> Iterator[Callable[[str], list[Any]]]:
    """Runs a statement on the primary; the replica has it too before the test goes on."""
    engine = create_engine(f"postgresql+pg8000://assistant@127.0.0.1:{running.plan.ports.postgres}/school")

    def execute(statement: str) -> list[Any]:
        with engine.begin() as connection:
            connection.execute(text("SET LOCAL synchronous_commit = on"))  # it is in the log when this returns
            result = connection.execute(text(statement))
            rows = list(result) if result.returns_rows else []
        stack.postgres.wait_for_replica()
        return rows

    yield execute
    engine.dispose()


@pytest.fixture
def newcomer(sql: Callable[[str], list[Any]]) -> Iterator[str]:
    """The child, not yet among ours, whatever another test did."""
    sql(f"DELETE FROM students WHERE id = '{CHILD}'")
    yield CHILD
    sql(f"DELETE FROM students WHERE id = '{CHILD}'")


def new_phone(phone: Phones, last: int) -> Phone:
    """Somebody whom nobody knows, and who has named no student today."""
    return phone(f"+2637729{last:05d}")


def run(running: StackClient) -> dict[str, Any]:
    return student_sync.run_student_sync(running, Console(quiet=True))


# --- a parent whom only the school knows ------------------------------------------------------------------------------


def test_a_new_parent_is_told_how_and_then_known(phone: Phones, newcomer: str) -> None:
    mother = phone(MOTHER, "ZW.900001")
    assert "student number" in mother.says("statement")
    said = mother.says(newcomer)
    assert [name for name in mother.states if name in LOOK_UP] == ["Understand", *LOOK_UP]
    assert said.startswith("Welcome! This phone number is on record for Takudzwa.")
    assert "Statement, Term 3, 2026" in said
    assert mother.says("balance").startswith("*Term 3, 2026*")
    assert "Find student" not in mother.states


def test_asking_with_the_number_is_one_message(phone: Phones, newcomer: str) -> None:
    mother = phone(MOTHER, "ZW.900002")
    said = mother.says(f"balance {newcomer}")
    assert "Takudzwa" in said
    assert "Billed: " in said
    assert len(mother.calls("school", "profile")) == 1


def test_someone_else_learns_nothing_not_even_whether_there_is_such_a_student(phone: Phones, newcomer: str) -> None:
    stranger = new_phone(phone, 501)
    replies = [stranger.says(f"balance {name}") for name in (newcomer, "SSC20250001", "SSC20259999")]
    assert len(set(replies)) == 1
    assert "info@shiningsmilescollege.ac.zw" in replies[0]
    assert "$" not in replies[0]
    assert not {"Takudzwa", "Tariro", newcomer} & set(replies[0].split())


def test_trying_numbers_ends_after_five(phone: Phones) -> None:
    stranger = new_phone(phone, 502)
    replies, calls = set(), []
    for number in range(7):
        replies.add(stranger.says(f"SSC2025{9000 + number}"))
        calls.append(len(stranger.calls("school", "profile")))
    assert len(replies) == 1
    assert calls == [1, 1, 1, 1, 1, 0, 0]


def test_a_school_that_is_down_is_apologised_for(phone: Phones, running: StackClient, newcomer: str) -> None:
    running.world("PUT", "/faults/school", {"kind": "status", "status": 500, "operation": "profile"})
    mother = phone(MOTHER, "ZW.900003")
    assert "cannot reach the school's records" in mother.says(f"balance {newcomer}")
    running.world("DELETE", "/faults")
    assert "Takudzwa" in mother.says(f"balance {newcomer}")


# --- the nightly sync -------------------------------------------------------------------------------------------------


def test_the_sync_brings_the_new_and_lists_what_to_put_right(
    phone: Phones, running: StackClient, newcomer: str, sql: Callable[[str], list[Any]]
) -> None:
    mother = phone(MOTHER, "ZW.900004")
    assert "not on" in mother.says("balance")
    found = run(running)
    assert found["status"] == "SUCCEEDED", found["cause"]
    assert found["output"]["saved"] == running.world("GET", "/school-size")["students"]
    assert "Takudzwa" in mother.says("balance")  # at once, though they were a stranger a moment ago
    records = {record["place"]: record for record in student_sync.records_to_correct(running)}
    assert records["SSC20250031"]["phone"] == "077210002"
    assert records["SSC20250031"]["problem"] == "the phone number cannot be read"
    assert run(running)["output"] | {"new": 0, "changed": 0} == run(running)["output"]
    assert len(student_sync.records_to_correct(running)) == len(records)


def test_who_has_left_is_deactivated(phone: Phones, running: StackClient, sql: Callable[[str], list[Any]]) -> None:
    run(running)
    sql("INSERT INTO students (id, first_name, last_name) VALUES ('SSC20249999', 'Left', 'Long-ago')")
    sql("INSERT INTO phones VALUES ('SSC20249999', '+263772900777', 'guardian')")
    father = phone("+263772900777")
    assert "Left" in father.says("hi")
    assert run(running)["output"]["deactivated"] == 1
    assert "Left" not in father.says("hi")
    assert sql("SELECT active FROM students WHERE id = 'SSC20249999'") == [(False,)]


def test_a_page_that_fails_twice_and_a_school_that_asks_to_wait(running: StackClient) -> None:
    running.world("PUT", "/faults/school", {"kind": "status", "status": 500, "operation": "students", "times": 2})
    assert run(running)["status"] == "SUCCEEDED"


def test_a_key_that_is_refused_fails_at_once(running: StackClient) -> None:
    running.world("PUT", "/faults/school", {"kind": "status", "status": 401, "operation": "students"})
    found = run(running)
    assert (found["status"], found["error"]) == ("FAILED", "SchoolApiRefused")
    calls = [call for call in running.world("GET", "/calls") if call["service"] == "school"]
    assert len(calls) == 3  # the key may just have been changed; then the function gives up, and the machine too


def test_what_a_person_sees(running: StackClient) -> None:
    console = Console(record=True, width=110, file=io.StringIO())
    outcome = student_sync.run_student_sync(running, console)
    student_sync.show(outcome, student_sync.records_to_correct(running), console)
    shown = console.export_text()
    assert "Saved 249 students: 0 new, 0 changed, 0 left the school. 249 are active now." in shown
    assert "the phone number cannot be read (1)" in shown
    assert "SSC20250031" in shown
    assert "Correct the mobile number" in shown


def test_a_list_that_was_lost_is_not_believed_and_says_so(running: StackClient) -> None:
    size = running.world("GET", "/school-size")["students"]
    try:
        running.world("PUT", "/school-size", {"students": 100})
        outcome = run(running)
    finally:
        running.world("PUT", "/school-size", {"students": size})
    console = Console(record=True, width=110, file=io.StringIO())
    student_sync.show(outcome, [], console)
    shown = console.export_text()
    assert f"SyncIncomplete only 100 of {size} active students were on the school's list" in shown
    assert "nobody was deactivated" in shown
