"""The GraphQL gateway and who asks it: each figure once, a part missing, and nobody without a signature."""

import asyncio
import base64
import json
import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import requests
from graphql import GraphQLUnionType, get_named_type
from hypothesis import given
from hypothesis import strategies as st

from functions import fetch_account, fetch_fees, fetch_payments, school_graph
from functions.adapters import school_graph_client, secret_store
from functions.adapters.graphql.figures import MOST_CALLS
from functions.adapters.graphql.schema import MOST_STUDENTS, SCHEMA
from functions.adapters.school_api import DEADLINE, READ_TIMEOUT, SchoolApi
from functions.domain.errors import InvalidRequest, SchoolApiUnavailable
from infra import graph_schema
from infra.graph_schema import CompositionError, compose
from local.http_api import http_api
from local.lambda_service.invocation import Result
from local.plan import Plan
from local.world.http_server import listen
from local.world.sample import SampleSchool, Shape
from tests.conftest import TODAY, OutsideWorld, SchoolCalls

TERM = "2026-3"
ACCOUNT = """
query Account($ids: [ID!]!, $term: String!) {
  students(ids: $ids) {
    id
    billedFees(term: $term) { feeType amount date }
    payments(term: $term) { feeType amount date }
    statement(term: $term) { billed paid balance standing charges { amount } payments { amount } }
  }
}
"""

pytestmark = pytest.mark.usefixtures("world", "secrets")


def post(body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    """A request as API Gateway hands it over; HTTP status and GraphQL's answer."""
    event = {
        "requestContext": {"http": {"method": "POST"}},
        "rawPath": "/graphql",
        "headers": {"content-type": "application/json", **headers},
        "body": body if isinstance(body, str) else json.dumps(body),
    }
    answer = school_graph.handler(event, None)
    assert answer["headers"]["content-type"].startswith("application/graphql-response+json")
    return answer["statusCode"], json.loads(answer["body"])


def ask(query: str, **variables: Any) -> dict[str, Any]:
    status, answer = post({"query": query, "variables": variables})
    assert status == 200, answer
    return answer


@pytest.fixture(scope="module")
def school(plan: Plan) -> SampleSchool:
    return SampleSchool.build(TODAY, plan.seed)


@pytest.fixture(scope="module")
def five(school: SampleSchool) -> list[str]:
    """Five brothers and sisters."""
    family = next(parent for parent in school.demo_parents if len(school.children_of(parent.phone)) == 5)
    return [student.id for student in school.children_of(family.phone)]


@pytest.fixture(scope="module")
def unknown(school: SampleSchool) -> str:
    """A child that our records have and the school's accounts have not."""
    return next(student.id for student in school.students if not student.has_account)


# --- one request -----------------------------------------------------------------------------------------------------


def test_five_children_cost_each_call_once_per_child_though_the_statement_needs_both(
    world: OutsideWorld, five: list[str]
) -> None:
    answer = ask(ACCOUNT, ids=[*five, five[0]], term=TERM)
    assert "errors" not in answer
    assert [student["id"] for student in answer["data"]["students"]] == [*five, five[0]]
    asked = sorted((call["operation"], call["detail"]) for call in world.calls("school"))
    assert asked == sorted((kind, f"{name} {TERM}") for kind in ("billed-fees", "payments") for name in five)


def test_all_of_them_are_asked_for_side_by_side(school_calls: SchoolCalls, five: list[str]) -> None:
    school_calls.must_be_side_by_side(10)
    answer = ask(ACCOUNT, ids=five, term=TERM)
    assert "errors" not in answer
    assert len(school_calls.timeouts) == 10


def test_a_statement_adds_up(five: list[str]) -> None:
    for student in ask(ACCOUNT, ids=five, term=TERM)["data"]["students"]:
        billed = sum(float(line["amount"]) for line in student["billedFees"])
        paid = sum(float(line["amount"]) for line in student["payments"])
        statement = student["statement"]
        assert statement["billed"] == f"{billed:.2f}"
        assert statement["paid"] == f"{paid:.2f}"
        assert statement["balance"] == f"{billed - paid:.2f}"
        assert statement["standing"] == ("OWED" if billed > paid else "PAID" if billed == paid else "CREDIT")
        assert len(statement["charges"]) == len(student["billedFees"])
        assert len(statement["payments"]) == len(student["payments"])


def test_an_unknown_student_is_null_without_an_error(unknown: str, five: list[str]) -> None:
    for name in (unknown, "SSC00000000"):
        answer = ask(ACCOUNT, ids=[name, five[0]], term=TERM)
        assert "errors" not in answer
        nobody, somebody = answer["data"]["students"]
        assert (nobody["billedFees"], nobody["payments"], nobody["statement"]) == (None, None, None)
        assert somebody["billedFees"]


def test_payments_down_leaves_the_fees_and_names_what_is_missing(world: OutsideWorld, five: list[str]) -> None:
    world.fails("school", kind="status", status=500, operation="payments")
    query = 'query($ids: [ID!]!) { students(ids: $ids) { billedFees(term: "2026-3") { amount } '
    answer = ask(query + 'payments(term: "2026-3") { amount } } }', ids=five[:2])
    for student in answer["data"]["students"]:
        assert student["billedFees"]
        assert student["payments"] is None
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [
        (["students", 0, "payments"], "SCHOOL_API_UNAVAILABLE"),
        (["students", 1, "payments"], "SCHOOL_API_UNAVAILABLE"),
    ]


def test_one_child_that_fails_takes_nothing_from_its_sister(world: OutsideWorld, five: list[str]) -> None:
    world.fails("school", kind="status", status=500, operation="payments", times=school_graph.TRIES)
    query = 'query($id: ID!) { student(id: $id) { payments(term: "2026-3") { amount } } }'
    assert ask(query, id=five[0])["data"]["student"]["payments"] is None
    assert ask(query, id=five[1])["data"]["student"]["payments"] is not None


def test_nothing_outlives_a_request(world: OutsideWorld, five: list[str]) -> None:
    """What is paid a minute later is seen: only the conversation's cache keeps figures."""
    for _ in range(2):
        ask('query($id: ID!) { student(id: $id) { payments(term: "2026-3") { amount } } }', id=five[0])
    assert len(world.calls("school", "payments")) == 2


def test_the_callers_patience_bounds_the_schools(
    world: OutsideWorld, school_calls: SchoolCalls, five: list[str]
) -> None:
    world.fails("school", kind="silent")
    status, answer = post(
        {"query": ACCOUNT, "variables": {"ids": five[:1], "term": TERM}}, **{school_graph.SECONDS_LEFT: "0.6"}
    )
    assert school_calls.timeouts
    assert all(max(timeouts) <= 0.6 for timeouts in school_calls.timeouts)
    assert (status, answer["data"]["students"][0]["payments"]) == (200, None)
    assert school_graph.seconds_left({}) == DEADLINE
    assert school_graph.seconds_left({school_graph.SECONDS_LEFT: "900"}) == DEADLINE
    assert school_graph.seconds_left({school_graph.SECONDS_LEFT: "soon"}) == DEADLINE
    assert school_graph.seconds_left({school_graph.SECONDS_LEFT: "-1"}) == 0


# --- federation ------------------------------------------------------------------------------------------------------


def test_another_subgraph_reaches_students_by_their_id(world: OutsideWorld, five: list[str], unknown: str) -> None:
    query = """
    query($them: [_Any!]!) {
      _entities(representations: $them) { ... on Student { id statement(term: "2026-3") { standing } } }
    }
    """
    them = [{"__typename": "Student", "id": name} for name in (five[0], unknown, five[1])]
    first, nobody, second = ask(query, them=them)["data"]["_entities"]
    assert [first["id"], second["id"]] == five[:2]
    assert first["statement"]["standing"]
    assert nobody == {"id": unknown, "statement": None}
    assert len(world.calls("school")) == 6  # two figures of three students


def test_the_published_schema_is_the_one_that_is_served() -> None:
    served = ask("{ _service { sdl } }")["data"]["_service"]["sdl"]
    assert graph_schema.PUBLISHED.read_text() == graph_schema.schema() == served + "\n", "run `make graph`"


LIBRARY = """
extend schema @link(url: "https://specs.apollo.dev/federation/v2.3", import: ["@key"])
type Query { overdue: [Student!]! }
type Student @key(fields: "id") { id: ID! books: [String!]! }
"""


def test_apollo_composes_it_with_another_subgraph() -> None:
    """Apollo's own library from npm; Node comes from PyPI where there is none, so this is never skipped."""
    supergraph = compose({"school": graph_schema.schema(), "library": LIBRARY})
    student = supergraph.partition("type Student\n")[2].partition("\n}")[0]
    assert '@join__type(graph: SCHOOL, key: "id")' in student
    assert '@join__type(graph: LIBRARY, key: "id")' in student
    assert "billedFees(term: String!): [Line!] @join__field(graph: SCHOOL)" in student
    assert "books: [String!]! @join__field(graph: LIBRARY)" in student


def test_what_does_not_fit_together_is_named() -> None:
    library = LIBRARY.replace("books: [String!]!", "payments(term: String!): String")
    with pytest.raises(CompositionError, match=r"Student\.payments"):
        compose({"school": graph_schema.schema(), "library": library})


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_a_request_may_cost_only_so_many_calls(world: OutsideWorld) -> None:
    terms = [f"20{year}-1" for year in range(10, 13)]
    fields = " ".join(f'p{term[:4]}: payments(term: "{term}") {{ amount }}' for term in terms)
    ids = [f"SSC{n:08}" for n in range(MOST_STUDENTS)]
    answer = ask("query($ids: [ID!]!) { students(ids: $ids) { " + fields + " } }", ids=ids)
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"TOO_MANY_FIGURES"}
    assert len(answer["errors"]) == len(terms) * MOST_STUDENTS - MOST_CALLS
    assert len(world.calls("school")) == MOST_CALLS


def test_a_list_has_only_so_many_students(world: OutsideWorld) -> None:
    ids = [f"SSC{n:08}" for n in range(MOST_STUDENTS + 1)]
    status, answer = post({"query": "query($ids: [ID!]!) { students(ids: $ids) { id } }", "variables": {"ids": ids}})
    assert (status, answer["errors"][0]["extensions"]["code"]) == (400, "TOO_MANY_STUDENTS")


@pytest.mark.parametrize(
    "query",
    [
        "{ __schema { types { fields { type { fields { type { fields { name } } } } } } } }",
        "{ " + " ".join(f'a{n}: student(id: "1") {{ id }}' for n in range(40)) + " }",
        "{ " + 'student(id: "1") { id } ' * 300 + "}",
        "{ student(id: 1) { phone } }",
        "{ nothing",
        "",
    ],
    ids=["introspection", "too many aliases", "too long", "no such field", "no GraphQL", "empty"],
)
def test_what_asks_too_much_or_nonsense_is_refused_before_anything_is_asked(world: OutsideWorld, query: str) -> None:
    status, answer = post({"query": query})
    assert status == 400
    assert answer["errors"]
    assert not answer.get("data")
    assert world.calls("school") == []


def test_nothing_in_the_graph_leads_back_to_where_it_came_from() -> None:
    """So its types bound how deep a query goes: query, student, statement, line, amount."""

    def depth(kind: Any, above: tuple[Any, ...] = ()) -> int:
        kind = get_named_type(kind)
        assert kind not in above, "a way back: now the depth of queries needs a limit"
        below = (
            kind.types
            if isinstance(kind, GraphQLUnionType)
            else [field.type for field in getattr(kind, "fields", {}).values()]
        )
        return 1 + max((depth(item, (*above, kind)) for item in below), default=0)

    assert depth(SCHEMA._schema.query_type) <= 6


@pytest.mark.parametrize(
    "body",
    [
        "",
        "[]",
        "null",
        "{",
        "7",
        '{"query": 1}',
        '{"query": "{__typename}", "variables": []}',
        '{"query": "query A {__typename}", "operationName": "B"}',
    ],
)
def test_what_is_no_graphql_request_is_refused(body: str) -> None:
    assert post(body)[0] == 400


def test_a_body_in_base64_is_read() -> None:
    event = {
        "requestContext": {"http": {"method": "POST"}},
        "headers": {},
        "body": base64.b64encode(b'{"query": "{ __typename }"}').decode(),
        "isBase64Encoded": True,
    }
    assert json.loads(school_graph.handler(event, None)["body"]) == {"data": {"__typename": "Query"}}


def test_our_own_mistakes_are_not_told_in_their_words(
    environment: pytest.MonkeyPatch, printed: Any, five: list[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("password=hunter2")

    environment.setattr(SchoolApi, "payments_of", broken)
    answer = ask('query($id: ID!) { student(id: $id) { payments(term: "2026-3") { amount } } }', id=five[0])
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]) == (["student", "payments"], {"code": "INTERNAL"})
    assert "hunter2" not in json.dumps(answer) + printed.getvalue()
    assert "ZeroDivisionError" in printed.getvalue()


def test_a_secret_that_cannot_be_had_is_an_error_of_the_fields(
    environment: pytest.MonkeyPatch, plan: Plan, five: list[str]
) -> None:
    secret_store._kept.clear()
    environment.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    answer = ask('query($id: ID!) { student(id: $id) { id payments(term: "2026-3") { amount } } }', id=five[0])
    assert answer["data"]["student"] == {"id": five[0], "payments": None}
    assert answer["errors"][0]["extensions"]["code"] == "SCHOOL_API_UNAVAILABLE"


# --- who asks it -----------------------------------------------------------------------------------------------------


class Door:
    """The front door before the gateway, as the conversation finds it."""

    def __init__(self) -> None:
        self.requests: list[dict[str, Any]] = []
        self.instead: list[dict[str, Any]] = []  # answers given in the gateway's place
        self.close: Callable[[], object] = lambda: None

    async def invoke(self, name: str, payload: bytes) -> Result:
        assert name == "school_graph"
        event = json.loads(payload)
        self.requests.append(json.loads(event["body"])["variables"])
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
    world: OutsideWorld, door: Door, school: SampleSchool, five: list[str], unknown: str
) -> None:
    shapes = [next(student.id for student in school.students if student.shape is shape) for shape in Shape]
    for ids in (five, [unknown], [*shapes, unknown]):
        two_calls = fetch_fees.handler(request(ids), None) | fetch_payments.handler(request(ids), None)
        by_rest = sorted((call["operation"], call["detail"]) for call in world.calls("school"))
        world.page("DELETE", "/calls")
        assert fetch_account.handler(request(ids), None) == two_calls
        assert sorted((call["operation"], call["detail"]) for call in world.calls("school")) == by_rest
        world.page("DELETE", "/calls")
    assert len(door.requests) == 3


def test_what_is_missing_is_asked_for_once_more_and_only_that(world: OutsideWorld, door: Door, five: list[str]) -> None:
    world.fails("school", kind="status", status=500, operation="payments", times=school_graph.TRIES)
    found = fetch_account.handler(request(five[:1]), None)
    assert found["bills"][five[0]]
    assert found["payments"][five[0]]
    assert door.requests == [
        {"term": TERM, "bills": five[:1], "payments": five[:1]},
        {"term": TERM, "bills": [], "payments": five[:1]},
    ]
    assert len(world.calls("school", "billed-fees")) == 1
    assert len(world.calls("school", "payments")) == school_graph.TRIES + 1


@pytest.mark.parametrize("operation", ["payments", "billed-fees", None])
def test_what_stays_missing_is_the_school_not_answering(
    world: OutsideWorld, door: Door, five: list[str], operation: str | None
) -> None:
    world.fails("school", kind="status", status=500, operation=operation)
    with pytest.raises(SchoolApiUnavailable):
        fetch_account.handler(request(five[:2]), None)
    assert len(door.requests) == 2


def test_a_silent_school_is_given_up_in_time(
    world: OutsideWorld, door: Door, five: list[str], environment: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    call = school_graph_client.aws.call

    def noted(*arguments: Any, timeout: tuple[float, float], **more: Any) -> Any:
        waited.append(timeout[1])
        return call(*arguments, timeout=timeout, **more)

    environment.setattr(school_graph_client.aws, "call", noted)
    world.fails("school", kind="silent", operation="payments")
    with pytest.raises(SchoolApiUnavailable):
        fetch_account.handler(request(five[:2]), None)
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
def test_a_gateway_that_gives_nonsense_is_asked_again_and_never_believed(
    door: Door, five: list[str], odd: dict[str, Any]
) -> None:
    door.instead = [odd]
    assert fetch_account.handler(request(five[:1]), None)["bills"][five[0]]
    door.instead = [odd, odd]
    with pytest.raises(SchoolApiUnavailable):
        fetch_account.handler(request(five[:1]), None)


def test_a_gateway_that_is_not_there_is_the_school_not_answering(
    environment: pytest.MonkeyPatch, five: list[str]
) -> None:
    environment.setenv("SCHOOL_GRAPH_URL", "http://127.0.0.1:1/graphql")
    with pytest.raises(SchoolApiUnavailable):
        fetch_account.handler(request(five[:1]), None)


@pytest.mark.parametrize("event", [{}, {"student_ids": [], "term": TERM}, {"student_ids": ["1"], "term": ""}])
def test_what_is_no_request_for_an_account_is_refused(event: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        fetch_account.handler(event, None)


def test_without_the_right_signature_the_gateway_is_not_reached(
    environment: pytest.MonkeyPatch, plan: Plan, door: Door, five: list[str]
) -> None:
    url = f"{plan.public_url}/graphql"
    answer = requests.post(url, json={"query": "{ __typename }"}, timeout=5)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    environment.setenv("AWS_SECRET_ACCESS_KEY", "guessed")
    with pytest.raises(SchoolApiUnavailable):
        fetch_account.handler(request(five[:1]), None)
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
def test_no_answer_of_any_form_breaks_the_reading(answer: Any) -> None:
    try:
        found = school_graph_client._read(answer)
    except InvalidRequest:
        return
    assert set(found) == {"bills", "payments"}


def test_the_query_of_the_conversation_is_within_the_bounds() -> None:
    result = SCHEMA.execute_sync(school_graph_client.QUERY, {"term": TERM, "bills": [], "payments": []})
    assert result.errors is None
    assert result.data == {"bills": [], "payments": []}
