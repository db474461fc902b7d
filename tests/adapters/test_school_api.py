"""The school's API: every shape of an account, every failure, and never longer than a parent waits."""

import threading
from contextlib import suppress
from typing import Any

import pytest
import requests

from functions import dependencies
from functions.adapters import school_api
from functions.adapters.school_api import SchoolApi
from functions.domain.errors import SchoolApiUnavailable
from local.plan import Plan
from local.world.sample import SampleSchool
from tests.adapters.conftest import AnswerSecrets
from tests.adapters.scripted_server import scripted
from tests.conftest import TODAY, OutsideWorld, SchoolCalls

TERM = "2026-3"
KEY = "school/local/school-api-key"
ONE = ["SSC20250001"]
FIVE = [f"SSC2025000{number}" for number in range(1, 6)]
BILLS = [{"fee_type": "Tuition", "amount": "400.00", "date": "2026-09-07"}]


@pytest.fixture
def api(plan: Plan, world: OutsideWorld, secrets: None) -> SchoolApi:
    return SchoolApi(dependencies.http_session(), dependencies.secrets(), plan.school_api_url, KEY)


@pytest.fixture(scope="module")
def school(plan: Plan) -> SampleSchool:
    return SampleSchool.build(TODAY, plan.seed)


@pytest.fixture
def short_timeouts(environment: pytest.MonkeyPatch) -> None:
    """The timeouts, ten times as short."""
    for name in ("DEADLINE", "READ_TIMEOUT"):
        environment.setattr(school_api, name, getattr(school_api, name) / 10)


def answers(world: OutsideWorld, data: object, **fault: Any) -> None:
    world.fails("school", kind="json", body={"data": data}, **fault)


# --- shapes -----------------------------------------------------------------------------------------------------------


def test_accounts_of_every_shape_are_read_to_the_cent(api: SchoolApi, school: SampleSchool) -> None:
    """The demo families hold every shape: numbers, texts, no dates, null and absent lists, 404."""
    students = [student for student in school.students if student.id < "SSC20250040"]
    ids = [student.id for student in students]
    bills, payments = api.bills(ids, TERM), api.payments(ids, TERM)
    assert len({student.shape for student in students}) == 5
    for student in students:
        for found, expected in (
            (bills[student.id], school.bills(student, TERM)),
            (payments[student.id], school.payments(student, TERM)),
        ):
            if not student.has_account:
                assert found is None
                continue
            assert found is not None
            assert [(line["fee_type"], line["amount"]) for line in found] == [
                (line.kind, f"{line.amount:.2f}") for line in expected
            ]
            assert all(
                line["date"] in (None, known.day.isoformat()) for line, known in zip(found, expected, strict=True)
            )
    assert list(bills) == ids


@pytest.mark.parametrize("amount", [400, 400.0, "400", "400.00", " 400.0 "])
def test_amounts_are_read_as_numbers_or_texts(api: SchoolApi, world: OutsideWorld, amount: object) -> None:
    answers(world, {"bills": [{"fee_type": "Tuition", "amount": amount, "date": "2026-09-07T00:00:00"}]})
    assert api.bills(ONE, TERM) == {ONE[0]: BILLS}


def test_a_payment_after_midnight_is_of_the_day_at_the_school(api: SchoolApi, world: OutsideWorld) -> None:
    dates = ["2026-04-30T22:30:00Z", "2026-05-01T00:30:00+02:00", "2026-05-01T00:30:00", "2026-05-01"]
    answers(world, {"payments": [{"fee_type": "Tuition", "amount": "20", "date": date} for date in dates]})
    [found] = api.payments(ONE, TERM).values()
    assert found is not None
    assert [line["date"] for line in found] == ["2026-05-01"] * 4


def test_a_line_in_another_currency_says_so(api: SchoolApi, world: OutsideWorld) -> None:
    lines = [BILLS[0] | {"currency": "USD"}, BILLS[0] | {"currency": "ZWG"}]
    answers(world, {"bills": lines})
    assert api.bills(ONE, TERM) == {ONE[0]: [BILLS[0], BILLS[0] | {"currency": "ZWG"}]}


@pytest.mark.parametrize("date", [{}, {"date": None}, {"date": ""}])
def test_missing_date_is_none(api: SchoolApi, world: OutsideWorld, date: dict[str, object]) -> None:
    answers(world, {"payments": [{"fee_type": None, "amount": 1, **date}]})
    assert api.payments(ONE, TERM) == {ONE[0]: [{"fee_type": "Other", "amount": "1.00", "date": None}]}


@pytest.mark.parametrize("data", [{}, {"bills": None}, {"bills": []}])
def test_nothing_posted_is_an_empty_account(api: SchoolApi, world: OutsideWorld, data: object) -> None:
    answers(world, data)
    assert api.bills(ONE, TERM) == {ONE[0]: []}


def test_unknown_student_is_none_and_asked_for_once(api: SchoolApi, world: OutsideWorld) -> None:
    assert api.bills(["SSC99999999"], TERM) == {"SSC99999999": None}
    assert len(world.calls("school")) == 1


@pytest.mark.parametrize(
    "body",
    [
        [],
        "text",
        None,
        {},
        {"data": None},
        {"data": []},
        {"data": {"bills": "none"}},
        {"data": {"bills": {"fee_type": "Tuition"}}},
        {"data": {"bills": ["Tuition"]}},
        {"data": {"bills": [{"fee_type": "Tuition"}]}},
        {"data": {"bills": [{"fee_type": "Tuition", "amount": "a lot"}]}},
        {"data": {"bills": [{"fee_type": "Tuition", "amount": "NaN"}]}},
        {"data": {"bills": [{"fee_type": "Tuition", "amount": True}]}},
        {"data": {"bills": [{"fee_type": "Tuition", "amount": 1, "date": "yesterday"}]}},
        {"bills": []},
        {"detail": "Server Error"},
    ],
    ids=str,
)
def test_unknown_shape_is_a_failure_never_an_empty_account(api: SchoolApi, world: OutsideWorld, body: object) -> None:
    world.fails("school", kind="json", body=body)
    with pytest.raises(SchoolApiUnavailable):
        api.bills(ONE, TERM)


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 503},
        {"kind": "html"},
        {"kind": "html", "status": 502},
        {"kind": "close"},
        {"kind": "lost"},
        {"kind": "status", "status": 429, "retry_after": 0},
        {"kind": "json", "body": {"data": []}},
    ],
    ids=str,
)
def test_call_that_fails_once_or_twice_is_tried_again(
    api: SchoolApi, world: OutsideWorld, fault: dict[str, Any]
) -> None:
    for times in (1, 2):
        world.fails("school", times=times, **fault)
        assert api.bills(ONE, TERM) == {ONE[0]: BILLS}
    assert len(world.calls("school")) == 5


def test_an_answer_of_endless_depth_is_no_answer(plan: Plan, world: OutsideWorld, secrets: None) -> None:
    with scripted((200, "[" * 100_000)) as server:
        api = SchoolApi(dependencies.http_session(), dependencies.secrets(), server.url, KEY)
        with pytest.raises(SchoolApiUnavailable):
            api.bills(ONE, TERM)


@pytest.mark.parametrize(
    ("fault", "calls"),
    [
        ({"kind": "status", "status": 500}, 3),
        ({"kind": "html"}, 3),
        ({"kind": "close"}, 3),
        ({"kind": "status", "status": 400}, 1),  # asking the same again cannot help
        ({"kind": "status", "status": 429, "retry_after": 3600}, 1),  # nor can waiting so long
    ],
    ids=str,
)
def test_call_that_keeps_failing_is_given_up(
    api: SchoolApi, world: OutsideWorld, fault: dict[str, Any], calls: int
) -> None:
    world.fails("school", **fault)
    with pytest.raises(SchoolApiUnavailable):
        api.bills(ONE, TERM)
    assert len(world.calls("school")) == calls


def test_silent_school_is_given_up(api: SchoolApi, world: OutsideWorld, short_timeouts: None) -> None:
    world.fails("school", kind="silent")
    with pytest.raises(SchoolApiUnavailable):
        api.bills(FIVE, TERM)


class Clock(threading.local):
    """Time as one thread sees it: it passes only while that thread waits."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_silent_school_takes_no_more_than_the_deadline_for_several_children(
    api: SchoolApi, environment: pytest.MonkeyPatch
) -> None:
    clock, siblings = Clock(), threading.Barrier(len(FIVE))
    given_up: list[float] = []

    def silent(session: requests.Session, url: str, timeout: tuple[float, float], **_: Any) -> requests.Response:
        if clock.now == 0:
            siblings.wait(30)
        clock.sleep(timeout[1])
        given_up.append(clock.now)
        raise requests.ReadTimeout

    environment.setattr(school_api, "time", clock)
    environment.setattr(requests.Session, "get", silent)
    with pytest.raises(SchoolApiUnavailable):
        api.bills(FIVE, TERM)
    assert len(given_up) == 2 * len(FIVE)
    assert max(given_up) == school_api.DEADLINE


def test_deadline_leaves_the_function_time_to_answer() -> None:
    from infra.catalog import function

    assert school_api.DEADLINE < function("fetch_fees").timeout <= 8


def test_a_429_is_waited_for_as_long_as_it_says(api: SchoolApi, world: OutsideWorld) -> None:
    world.fails("school", kind="status", status=429, retry_after=1, times=1)
    assert api.bills(ONE, TERM) == {ONE[0]: BILLS}
    refused, answered = world.calls("school")
    assert answered["start"] - refused["end"] >= 0.95


@pytest.mark.parametrize("header", ["Mon, 23 Nov 2026 07:00:00 GMT", "-5", "soon"])
def test_unreadable_retry_after_is_a_short_wait(header: str) -> None:
    from requests import Response

    answer = Response()
    answer.headers["Retry-After"] = header
    assert 0 <= school_api._retry_after(answer) <= 1


# --- side by side -----------------------------------------------------------------------------------------------------


def test_siblings_are_fetched_side_by_side(api: SchoolApi, world: OutsideWorld, school_calls: SchoolCalls) -> None:
    school_calls.must_be_side_by_side(len(FIVE))
    assert list(api.payments(FIVE, TERM)) == FIVE
    assert len(world.calls("school", "payments")) == len(FIVE)


def test_one_failing_sibling_fails_the_call(api: SchoolApi, world: OutsideWorld) -> None:
    world.fails("school", kind="status", status=400, times=1)
    with pytest.raises(SchoolApiUnavailable):
        api.bills(["SSC20250001", "SSC20250002"], TERM)


# --- the key ----------------------------------------------------------------------------------------------------------


def test_rotated_key_is_fetched_anew(
    api: SchoolApi, world: OutsideWorld, plan: Plan, answer_secrets_with: AnswerSecrets
) -> None:
    dependencies.secrets().put(KEY, "the old key")
    answer_secrets_with(plan.school_api_key)
    assert api.bills(ONE, TERM) == {ONE[0]: BILLS}
    assert [call["status"] for call in world.calls("school")] == [401, 200]


def test_wrong_key_is_a_failure_that_does_not_show_it(
    api: SchoolApi, world: OutsideWorld, answer_secrets_with: AnswerSecrets, printed: Any
) -> None:
    answer_secrets_with("the wrong key")
    dependencies.secrets().expire(KEY)
    with pytest.raises(SchoolApiUnavailable) as failed:
        api.bills(ONE, TERM)
    assert "the wrong key" not in str(failed.value) + printed.getvalue()
    assert ONE[0] not in printed.getvalue()
    assert "401" in printed.getvalue()


def test_key_is_fetched_once_for_all_children(api: SchoolApi, plan: Plan, answer_secrets_with: AnswerSecrets) -> None:
    fetched = answer_secrets_with(plan.school_api_key)
    dependencies.secrets().expire(KEY)
    with suppress(SchoolApiUnavailable):
        api.bills([f"SSC2025000{number}" for number in range(1, 6)], TERM)
    assert fetched == [KEY]
