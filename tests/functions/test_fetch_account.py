"""Fees and payments in one call to the GraphQL gateway: what is missing is asked for again, odd answers are refused."""

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from functions import fetch_account, fetch_fees, fetch_payments, school_graph
from functions.adapters import school_graph_client
from functions.adapters.aws import AwsClient
from functions.adapters.graphql.schema import SCHEMA
from functions.adapters.school_api import DEADLINE, READ_TIMEOUT
from functions.domain.errors import InvalidRequest, SchoolApiUnavailable
from local.http_api import http_api
from local.lambda_service.invocation import Result
from local.plan import Plan
from local.world.http_server import listen
from local.world.sample import SampleSchool, Shape
from tests.conftest import OutsideWorld

TERM = "2026-3"
TRIES = 2  # of each call of the school's API, by the gateway

pytestmark = pytest.mark.usefixtures("world", "secrets")


class Door:
    """The front door before the gateway, as the conversation finds it."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.queries: list[str] = []
        self.instead: list[dict[str, Any]] = []  # answers given in the gateway's place
        self.close: Callable[[], object] = lambda: None

    async def invoke(self, name: str, payload: bytes) -> Result:
        assert name == "school_graph"
        event = json.loads(payload)
        body = json.loads(event["body"])
        self.requests.append(body["variables"])
        self.queries.append(body["query"])
        if self.instead:
            return Result(json.dumps(self.instead.pop(0)).encode())
        answer = await asyncio.to_thread(school_graph.handler, event, None)
        return Result(json.dumps(answer).encode())


@pytest.fixture
def door(plan: Plan, environment: pytest.MonkeyPatch) -> Iterator[Door]:
    door, ready = Door(), threading.Event()

    async def serve() -> None:
        stop = asyncio.Event()
        door.close = partial(asyncio.get_running_loop().call_soon_threadsafe, stop.set)
        server = await listen(http_api(door.invoke), plan.ports.http_api)
        ready.set()
        await stop.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    assert ready.wait(10)
    yield door
    door.close()
    thread.join()


def request(ids: list[str], term: str = TERM) -> dict[str, Any]:
    return {"student_ids": ids, "term": term}


def test_one_call_gives_what_the_two_rest_calls_give(
    world: OutsideWorld, door: Door, built_school: SampleSchool, siblings: list[str], unknown_student: str
) -> None:
    shapes = [next(student.id for student in built_school.students if student.shape is shape) for shape in Shape]
    for ids in (siblings, [unknown_student], [*shapes, unknown_student]):
        two_calls = fetch_fees.handler(request(ids), None) | fetch_payments.handler(request(ids), None)
        by_rest = sorted((call["operation"], call["detail"]) for call in world.calls("school"))
        world.page("DELETE", "/calls")
        assert fetch_account.handler(request(ids), None) == two_calls
        assert sorted((call["operation"], call["detail"]) for call in world.calls("school")) == by_rest
        world.page("DELETE", "/calls")
    assert len(door.requests) == 3


def test_a_gateway_of_the_release_before_is_asked_without_currencies(door: Door, siblings: list[str]) -> None:
    refused = {"errors": [{"message": "Cannot query field 'currency' on type 'Line'."}], "data": None}
    door.instead = [{"statusCode": 400, "body": json.dumps(refused)}]
    found = fetch_account.handler(request(siblings[:1]), None)
    assert found["bills"][siblings[0]]
    assert ["date currency" in query for query in door.queries] == [True, False]


def test_what_is_missing_and_nothing_else_is_asked_for_once_more(
    world: OutsideWorld, door: Door, siblings: list[str]
) -> None:
    world.fails("school", kind="status", status=500, operation="payments", times=TRIES)
    found = fetch_account.handler(request(siblings[:1]), None)
    assert found["bills"][siblings[0]]
    assert found["payments"][siblings[0]]
    assert door.requests == [
        {"term": TERM, "bills": siblings[:1], "payments": siblings[:1]},
        {"term": TERM, "bills": [], "payments": siblings[:1]},
    ]
    assert len(world.calls("school", "billed-fees")) == 1
    assert len(world.calls("school", "payments")) == TRIES + 1


@pytest.mark.parametrize("operation", ["payments", "billed-fees", None])
def test_what_stays_missing_is_an_unavailable_school(
    world: OutsideWorld, door: Door, siblings: list[str], operation: str | None
) -> None:
    world.fails("school", kind="status", status=500, operation=operation)
    with pytest.raises(SchoolApiUnavailable):
        fetch_account.handler(request(siblings[:2]), None)
    assert len(door.requests) == 2


def test_a_school_that_does_not_respond_is_given_up_before_the_deadline(
    world: OutsideWorld, door: Door, siblings: list[str], environment: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    call = AwsClient.call

    def noted(client: AwsClient, *arguments: Any, timeout: tuple[float, float], **more: Any) -> Any:
        waited.append(timeout[1])
        return call(client, *arguments, timeout=timeout, **more)

    environment.setattr(AwsClient, "call", noted)
    world.fails("school", kind="silent", operation="payments")
    with pytest.raises(SchoolApiUnavailable):
        fetch_account.handler(request(siblings[:2]), None)
    first, second = waited
    assert first == school_graph_client.FIRST_TRY
    assert second <= DEADLINE - READ_TIMEOUT  # what the first has left of the deadline
    assert len(world.calls("school", "billed-fees")) == 2


ODD = {
    "down": {"statusCode": 503, "body": "Service Unavailable"},
    "html": {"statusCode": 200, "headers": {"content-type": "text/html"}, "body": "<html>"},
    "no data": {"statusCode": 200, "body": '{"data": null, "errors": [{"message": "no"}]}'},
    "a list": {"statusCode": 200, "body": "[]"},
    "another form": {"statusCode": 200, "body": '{"data": {"bills": 7}}'},
    "students as texts": {"statusCode": 200, "body": '{"data": {"bills": ["x"], "payments": []}}'},
    "amounts that are none": {
        "statusCode": 200,
        "body": '{"data": {"bills": [{"id": "1", "lines": [{"amount": "NaN"}]}], "payments": []}}',
    },
    "an error inside the lines": {
        "statusCode": 200,
        "body": '{"data": {"bills": [{"id": "SSC20250013", "lines": null}], "payments": []}, '
        '"errors": [{"message": "no", "path": ["bills", 0, "lines", 3, "amount"]}]}',
    },
    "errors of nothing we asked": {
        "statusCode": 200,
        "body": '{"data": {"bills": [{"id": "SSC20250013", "lines": null}], "payments": []}, "errors": [{}]}',
    },
    "errors of another form": {"statusCode": 200, "body": '{"data": {"bills": [], "payments": []}, "errors": 5}'},
}


@pytest.mark.parametrize("odd", ODD.values(), ids=ODD.keys())
def test_an_answer_of_another_form_is_asked_for_again_and_never_believed(
    door: Door, siblings: list[str], odd: dict[str, Any]
) -> None:
    door.instead = [odd]
    assert fetch_account.handler(request(siblings[:1]), None)["bills"][siblings[0]]
    door.instead = [odd, odd]
    with pytest.raises(SchoolApiUnavailable):
        fetch_account.handler(request(siblings[:1]), None)


def test_a_gateway_that_is_down_is_an_unavailable_school(environment: pytest.MonkeyPatch, siblings: list[str]) -> None:
    environment.setenv("SCHOOL_GRAPH_URL", "http://127.0.0.1:1/graphql")
    with pytest.raises(SchoolApiUnavailable):
        fetch_account.handler(request(siblings[:1]), None)


@pytest.mark.parametrize("event", [{}, {"student_ids": [], "term": TERM}, {"student_ids": ["1"], "term": ""}])
def test_an_incomplete_request_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        fetch_account.handler(event, None)


def test_without_a_valid_signature_the_gateway_is_not_reached(
    environment: pytest.MonkeyPatch, plan: Plan, door: Door, siblings: list[str]
) -> None:
    url = f"{plan.public_url}/graphql"
    answer = requests.post(url, json={"query": "{ __typename }"}, timeout=5)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    environment.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    with pytest.raises(SchoolApiUnavailable):
        fetch_account.handler(request(siblings[:1]), None)
    assert door.requests == []


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["data", "errors", "bills", "payments", "id", "lines", "path"]), inner, max_size=4
            )
        ),
    )
)
def test_an_answer_of_any_form_is_read_or_refused(answer: Any) -> None:
    try:
        found = school_graph_client._read(answer)
    except InvalidRequest:
        return
    assert set(found) == {"bills", "payments"}


def test_our_query_is_one_that_the_gateway_accepts() -> None:
    result = SCHEMA.execute_sync(school_graph_client.QUERY, {"term": TERM, "bills": [], "payments": []})
    assert result.errors is None
    assert result.data == {"bills": [], "payments": []}
