"""One page of the school's list of students: when it is believed, tried again, or left to the state machine."""

from typing import Any

import pytest

from functions import fetch_student_page
from functions.adapters import school_api
from functions.domain.errors import InvalidRequest, SchoolApiBusy, SchoolApiRefused, SchoolApiUnavailable
from tests.conftest import OutsideWorld, SchoolCalls

PAGE = {"operation": "students"}


@pytest.fixture(autouse=True)
def _school(world: OutsideWorld, secrets: None) -> None:
    """The sample school, and its key."""


@pytest.fixture
def impatient(environment: pytest.MonkeyPatch) -> None:
    environment.setattr(school_api, "PAGE_DEADLINE", 0.8)
    environment.setattr(school_api, "PAGE_READ_TIMEOUT", 0.3)


def page(number: Any = 1) -> dict[str, Any]:
    return fetch_student_page.handler({"page": number}, None)


def test_the_pages_together_are_the_whole_school(world: OutsideWorld) -> None:
    size = world.page("GET", "/school-size")["students"]
    number, found = 1, []
    while number:
        answer = page(number)
        assert answer["page"] == number
        found += answer["records"]
        number = answer["next"]
    assert len(found) == len({record["student_id"] for record in found}) == size
    assert found[0]["guardian_mobile"]
    calls = world.calls("school", "students")
    assert len(calls) == -(-size // 60)


def test_a_page_that_the_one_before_promised_and_that_is_missing_is_a_failure(world: OutsideWorld) -> None:
    with pytest.raises(SchoolApiUnavailable) as raised:
        page(900)
    assert type(raised.value) is SchoolApiUnavailable
    assert [call["status"] for call in world.calls("school", "students")] == [404]


def test_an_empty_last_page_is_the_end(world: OutsideWorld) -> None:
    world.fails("school", **PAGE, kind="json", body={"next": None, "results": {"data": []}})
    assert page(2) == {"page": 2, "next": None, "records": []}


def test_a_page_that_does_not_fit_a_state_is_refused_with_what_to_do(world: OutsideWorld) -> None:
    """Its names are as long as is accepted, in signs that JSON writes with many bytes."""
    long = dict.fromkeys(("firstname", "lastname", "current_grade", "guardian_mobile_number"), "☃" * 200)
    students = [{"student_number": f"SSC{number}", **long} for number in range(60)]
    world.fails("school", **PAGE, kind="json", body={"next": None, "results": {"data": students}})
    with pytest.raises(SchoolApiRefused, match=r"page 1 has \d+ bytes, at most 200000 fit: lower students_per_page"):
        page()
    assert len(world.calls("school", "students")) == 1  # it would be as large again


@pytest.mark.parametrize("number", [0, -1, 1001, "1", None, 1.5])
def test_only_pages_from_1_to_1000_are_asked_for(number: Any) -> None:
    with pytest.raises(InvalidRequest):
        page(number)


@pytest.mark.parametrize("kind", [{"kind": "status", "status": 500}, {"kind": "html"}, {"kind": "close"}])
def test_a_failure_that_may_pass_is_tried_again(world: OutsideWorld, kind: dict[str, Any]) -> None:
    world.fails("school", **PAGE, **kind, times=2)
    assert len(page()["records"]) == 60
    assert len(world.calls("school", "students")) == 3


@pytest.mark.parametrize(
    "kind", [{"kind": "status", "status": 503}, {"kind": "html"}, {"kind": "silent"}, {"kind": "close"}]
)
def test_a_school_api_that_is_down_is_unavailable(
    world: OutsideWorld, impatient: None, school_calls: SchoolCalls, kind: dict[str, Any]
) -> None:
    world.fails("school", **PAGE, **kind)
    with pytest.raises(SchoolApiUnavailable) as raised:
        page()
    assert type(raised.value) is SchoolApiUnavailable
    assert 1 <= len(school_calls.timeouts) <= school_api.TRIES
    assert all(read <= school_api.PAGE_READ_TIMEOUT for _, read in school_calls.timeouts)


def test_a_short_wait_is_waited_and_a_long_one_is_left_to_the_state_machine(world: OutsideWorld) -> None:
    world.fails("school", **PAGE, kind="status", status=429, retry_after=0, times=1)
    assert page()["records"]
    world.fails("school", **PAGE, kind="status", status=429, retry_after=60)
    with pytest.raises(SchoolApiBusy):
        page()
    assert len(world.calls("school", "students")) == 2 + 1


@pytest.mark.parametrize("status", [400, 401, 403, 404])
def test_a_failure_that_will_not_pass_is_a_refusal(world: OutsideWorld, impatient: None, status: int) -> None:
    world.fails("school", **PAGE, kind="status", status=status)
    with pytest.raises(SchoolApiRefused):
        page()


@pytest.mark.parametrize(
    "body",
    [
        [],
        {"results": []},
        {"results": {"data": None}},
        {"results": {"data": {}}},
        {"results": {"data": [{}] * 501}, "next": None},
    ],
)
def test_a_body_of_another_form_is_a_failure_and_never_an_empty_school(
    world: OutsideWorld, impatient: None, body: object
) -> None:
    world.fails("school", **PAGE, kind="json", body=body)
    with pytest.raises(SchoolApiUnavailable):
        page()


def test_an_odd_record_does_not_cost_the_others(world: OutsideWorld) -> None:
    body = {"next": "x", "results": {"data": [None, {"student_number": "SSC1"}, "?", {"firstname": 7}]}}
    world.fails("school", **PAGE, kind="json", body=body)
    answer = page()
    assert [record["student_id"] for record in answer["records"]] == ["", "SSC1", "", ""]
    assert answer["next"] == 2


@pytest.mark.parametrize("number", [1, 2])
def test_an_empty_page_that_promises_more_is_tried_again(world: OutsideWorld, number: int) -> None:
    world.fails("school", **PAGE, kind="json", body={"next": "x", "results": {"data": []}}, times=2)
    assert len(page(number)["records"]) == 60
    world.fails("school", **PAGE, kind="json", body={"next": "x", "results": {"data": []}})
    with pytest.raises(SchoolApiUnavailable):
        page(number)
