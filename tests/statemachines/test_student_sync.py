"""The nightly sync's real definition, run over a school of the real size and over every way it can go wrong.

Saving is done by the real functions on real stores where the tables matter, and by a fake where only the path does.
"""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions import finish_student_sync, save_student_page
from functions.adapters.cache.redis_client import RedisClient
from functions.domain.errors import DataUnavailable, SchoolApiBusy, SchoolApiRefused, SchoolApiUnavailable
from functions.domain.student_records import StudentRecord
from infra.catalog import FUNCTIONS
from local.step_functions.errors import InvokeError
from local.step_functions.execution import Execution
from local.step_functions.runner import run
from local.step_functions.validation import check
from tests.conftest import Database
from tests.statemachines.definitions import definition_of, states_of

DEFINITION = definition_of("student_sync")
STATES = states_of("student_sync")
HISTORY_LIMIT = 25_000  # events of one execution
PAYLOAD_LIMIT = 256 * 1024  # bytes
SAVED = {"saved": 60, "new": 1, "changed": 2, "unusable": 3}
RUN = {"began_at": "2026-11-23T23:00:00+00:00", "active_before": 2990}

PAGE, SAVE, FINISH = "Fetch student page", "Save student page", "Finish student sync"


def record(number: int, guardian: str | None = None) -> dict[str, str]:
    phone = f"07712{number:05d}" if guardian is None else guardian
    return StudentRecord(f"SSC2025{number:04d}", f"Child{number}", "Moyo", "Form 1", phone, "").as_json()


class School:
    """Its list of students, page by page, and the functions that read and save it; each may be told to fail."""

    def __init__(self, students: list[dict[str, str]], page_size: int = 60) -> None:
        self.students, self.page_size = students, page_size
        self.faults: dict[object, list[Exception]] = {}  # page number, "save" or "finish" -> what is raised first
        self.pages: list[int] = []
        self.saved: list[Any] = []

    def __call__(self, name: str, payload: Any) -> Any:
        assert len(json.dumps(payload)) < PAYLOAD_LIMIT
        key = {"FetchStudentPage": payload.get("page"), "SaveStudentPage": "save", "FinishStudentSync": "finish"}[name]
        if self.faults.get(key):
            raise self.faults[key].pop(0)
        if name == "FetchStudentPage":
            return self.page(payload["page"])
        self.saved.append((name, payload))
        return self.save(payload) if name == "SaveStudentPage" else self.finish(payload)

    def page(self, number: int) -> Any:
        self.pages.append(number)
        first = (number - 1) * self.page_size
        found = self.students[first : first + self.page_size]
        more = first + self.page_size < len(self.students)
        return {"page": number, "next": number + 1 if more else None, "records": found}

    def save(self, payload: Any) -> Any:
        return {**SAVED, "run": RUN}

    def finish(self, payload: Any) -> Any:
        return {"deactivated": 1, "active": 2999, "unusable": 7}


class RealTables(School):
    """The same, saved for real."""

    def save(self, payload: Any) -> Any:
        return save_student_page.handler(payload, None)

    def finish(self, payload: Any) -> Any:
        return finish_student_sync.handler(payload, None)


def sync(school: School) -> Execution:
    return run(DEFINITION, {}, school, machine="student_sync", pace=0)


def work(execution: Execution) -> list[str]:
    return [state.name for state in execution.timeline if state.type == "Task"]


def events(execution: Execution) -> int:
    """Of the history: entered and exited; for a task scheduled, started and ended for each try; begin and end."""
    each = sum(2 + (3 * state.attempts if state.type == "Task" else 0) for state in execution.timeline)
    return 2 + each


# --- the definition ---------------------------------------------------------------------------------------------------


def test_it_is_sound_and_every_task_is_bounded_and_explained() -> None:
    check(DEFINITION)
    timeouts = {"".join(p.capitalize() for p in f.name.split("_")): f.timeout for f in FUNCTIONS}
    for name, state in STATES.items():
        if state["Type"] == "Task":
            function = state["Arguments"]["FunctionName"].strip("${}")
            assert timeouts[function] < state["TimeoutSeconds"] < 60, name
            assert state["Comment"]
            retried = {error for rule in state["Retry"] for error in rule["ErrorEquals"]}
            assert not retried & {"States.ALL", "States.TaskFailed", "SchoolApiRefused", "SyncIncomplete"}
            assert "Catch" not in state  # what cannot be done fails loudly


def test_a_school_that_asks_us_to_wait_is_waited_for_over_half_an_hour() -> None:
    (rule,) = [rule for rule in STATES[PAGE]["Retry"] if rule["ErrorEquals"] == ["SchoolApiBusy"]]
    waits = [
        min(rule["IntervalSeconds"] * rule["BackoffRate"] ** n, rule["MaxDelaySeconds"])
        for n in range(rule["MaxAttempts"])
    ]
    assert 1800 < sum(waits) < json.loads(DEFINITION)["TimeoutSeconds"] / 2


# --- paths ------------------------------------------------------------------------------------------------------------


def test_three_thousand_students_at_sixty_a_page() -> None:
    school = School([record(number) for number in range(3000)])
    execution = sync(school)
    assert execution.status == "SUCCEEDED", execution.cause
    assert school.pages == list(range(1, 51))
    assert work(execution) == [PAGE, SAVE] * 50 + [FINISH]
    assert events(execution) < HISTORY_LIMIT / 10
    assert [payload["run"] for _, payload in school.saved[:3]] == [None, RUN, RUN]
    assert school.saved[-1] == ("FinishStudentSync", {"run": RUN})
    assert execution.output == {
        "saved": 3000,
        "new": 50,
        "changed": 100,
        "unusable": 7,
        "deactivated": 1,
        "active": 2999,
    }


def test_with_every_page_failing_as_often_as_it_may_the_history_still_holds() -> None:
    tries = 1 + sum(rule["MaxAttempts"] for rule in STATES[PAGE]["Retry"])
    longest = 2 + 50 * (2 + 3 * tries + 2 + 3 * tries + 2)
    assert longest < HISTORY_LIMIT


def test_a_page_that_fails_twice_is_asked_for_again_by_itself() -> None:
    school = School([record(number) for number in range(180)])
    school.faults[2] = [SchoolApiUnavailable("HTTP 500"), SchoolApiBusy("HTTP 429")]
    execution = sync(school)
    assert execution.status == "SUCCEEDED"
    assert school.pages == [1, 2, 3]
    assert [state.attempts for state in execution.timeline if state.name == PAGE] == [1, 3, 1]


def test_saving_is_tried_again_too_and_the_page_is_not_fetched_again() -> None:
    school = School([record(number) for number in range(120)])
    school.faults["save"] = [DataUnavailable("no database"), InvokeError("ServiceException")]
    school.faults["finish"] = [DataUnavailable("no database")]
    execution = sync(school)
    assert execution.status == "SUCCEEDED"
    assert school.pages == [1, 2]


@pytest.mark.parametrize(
    ("error", "tries"), [(SchoolApiUnavailable("down"), 7), (SchoolApiRefused("HTTP 401"), 1), (ValueError("bug"), 1)]
)
def test_a_page_that_fails_for_good_fails_the_run_and_deactivates_nobody(error: Exception, tries: int) -> None:
    school = School([record(number) for number in range(180)])
    school.faults[2] = [error] * 100
    execution = sync(school)
    assert (execution.status, execution.error) == ("FAILED", type(error).__name__)
    assert work(execution) == [PAGE, SAVE, PAGE]
    assert execution.state(PAGE).attempts == tries
    assert not [name for name, _ in school.saved if name == "FinishStudentSync"]


def test_the_console_shows_the_page_and_how_far_it_is() -> None:
    for name in (PAGE, SAVE):
        assert STATES[name]["Output"]["page"] == "{% $page %}"
    assert "saved so far" in STATES[SAVE]["Output"]


# --- with real tables -------------------------------------------------------------------------------------------------


@pytest.fixture
def counted(database: Database, redis: RedisClient) -> Callable[[str], int]:
    return lambda condition: database.value(f"SELECT count(*) FROM {condition}")


def test_two_nights_of_a_school(counted: Callable[[str], int]) -> None:
    students = [record(number) for number in range(150)]
    students[20] = record(20, guardian="nan")
    students[100] = students[100] | {"student_id": ""}
    first = sync(RealTables(students))
    assert first.output == {
        "saved": 149,
        "new": 149,
        "changed": 0,
        "unusable": 2,
        "deactivated": 0,
        "active": 149,
        "shared_numbers": 0,
    }
    assert counted("unusable_records") == 2

    students = students[:140]  # ten have left
    students[20] = record(20)  # put right
    students[100] = record(100)
    second = sync(RealTables(students))
    assert second.output == {
        "saved": 140,
        "new": 1,
        "changed": 1,
        "unusable": 0,
        "deactivated": 10,
        "active": 140,
        "shared_numbers": 0,
    }
    assert counted("unusable_records") == 0
    assert counted("students") == 150
    assert counted("students WHERE NOT active") == 10


def test_a_night_on_which_the_school_lost_its_list(counted: Callable[[str], int]) -> None:
    students = [record(number) for number in range(100)]
    sync(RealTables(students))
    execution = sync(RealTables(students[:79]))
    assert (execution.status, execution.error) == ("FAILED", "SyncIncomplete")
    assert counted("students WHERE active") == 100
    assert sync(RealTables(students[:80])).status == "SUCCEEDED"
    assert counted("students WHERE active") == 80
