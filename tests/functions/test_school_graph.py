"""The GraphQL gateway: each figure is fetched once, a part may be missing, and what a request may cost is bounded."""

import base64
import json
from typing import Any

import pytest
from graphql import GraphQLUnionType, get_named_type

from functions import dependencies, school_graph
from functions.adapters.graphql.figures import MOST_CALLS
from functions.adapters.graphql.schema import MOST_STUDENTS, SCHEMA
from functions.adapters.school_api import DEADLINE, SchoolApi
from infra import graph_schema
from infra.graph_schema import CompositionError, compose
from local.plan import Plan
from tests.conftest import OutsideWorld, SchoolCalls

TRIES = 2  # of each call of the school's API
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


# --- one request -----------------------------------------------------------------------------------------------------


def test_each_figure_of_five_children_is_fetched_once_though_the_statement_needs_both(
    world: OutsideWorld, siblings: list[str]
) -> None:
    answer = ask(ACCOUNT, ids=[*siblings, siblings[0]], term=TERM)
    assert "errors" not in answer
    assert [student["id"] for student in answer["data"]["students"]] == [*siblings, siblings[0]]
    asked = sorted((call["operation"], call["detail"]) for call in world.calls("school"))
    assert asked == sorted((kind, f"{name} {TERM}") for kind in ("billed-fees", "payments") for name in siblings)


def test_all_figures_are_fetched_side_by_side(school_calls: SchoolCalls, siblings: list[str]) -> None:
    school_calls.must_be_side_by_side(10)
    answer = ask(ACCOUNT, ids=siblings, term=TERM)
    assert "errors" not in answer
    assert len(school_calls.timeouts) == 10


def test_a_statement_adds_up(siblings: list[str]) -> None:
    for student in ask(ACCOUNT, ids=siblings, term=TERM)["data"]["students"]:
        billed = sum(float(line["amount"]) for line in student["billedFees"])
        paid = sum(float(line["amount"]) for line in student["payments"])
        statement = student["statement"]
        assert statement["billed"] == f"{billed:.2f}"
        assert statement["paid"] == f"{paid:.2f}"
        assert statement["balance"] == f"{billed - paid:.2f}"
        assert statement["standing"] == ("OWED" if billed > paid else "PAID" if billed == paid else "CREDIT")
        assert len(statement["charges"]) == len(student["billedFees"])
        assert len(statement["payments"]) == len(student["payments"])


def test_an_unknown_student_is_null_without_an_error(unknown_student: str, siblings: list[str]) -> None:
    for name in (unknown_student, "SSC00000000"):
        answer = ask(ACCOUNT, ids=[name, siblings[0]], term=TERM)
        assert "errors" not in answer
        nobody, somebody = answer["data"]["students"]
        assert (nobody["billedFees"], nobody["payments"], nobody["statement"]) == (None, None, None)
        assert somebody["billedFees"]


def test_without_payments_the_fees_are_returned_and_the_errors_name_what_is_missing(
    world: OutsideWorld, siblings: list[str]
) -> None:
    world.fails("school", kind="status", status=500, operation="payments")
    query = 'query($ids: [ID!]!) { students(ids: $ids) { billedFees(term: "2026-3") { amount } '
    answer = ask(query + 'payments(term: "2026-3") { amount } } }', ids=siblings[:2])
    for student in answer["data"]["students"]:
        assert student["billedFees"]
        assert student["payments"] is None
    assert [(error["path"], error["extensions"]["code"]) for error in answer["errors"]] == [
        (["students", 0, "payments"], "SCHOOL_API_UNAVAILABLE"),
        (["students", 1, "payments"], "SCHOOL_API_UNAVAILABLE"),
    ]


def test_a_child_whose_figures_fail_does_not_cost_its_sister(world: OutsideWorld, siblings: list[str]) -> None:
    world.fails("school", kind="status", status=500, operation="payments", times=TRIES)
    query = 'query($id: ID!) { student(id: $id) { payments(term: "2026-3") { amount } } }'
    assert ask(query, id=siblings[0])["data"]["student"]["payments"] is None
    assert ask(query, id=siblings[1])["data"]["student"]["payments"] is not None


def test_figures_are_not_kept_from_one_request_to_the_next(world: OutsideWorld, siblings: list[str]) -> None:
    """What is paid a minute later is seen: only the conversation's cache keeps figures."""
    for _ in range(2):
        ask('query($id: ID!) { student(id: $id) { payments(term: "2026-3") { amount } } }', id=siblings[0])
    assert len(world.calls("school", "payments")) == 2


def test_the_school_is_not_waited_for_longer_than_the_caller_waits(
    world: OutsideWorld, school_calls: SchoolCalls, siblings: list[str]
) -> None:
    world.fails("school", kind="silent")
    status, answer = post(
        {"query": ACCOUNT, "variables": {"ids": siblings[:1], "term": TERM}}, **{school_graph.SECONDS_LEFT: "0.6"}
    )
    assert school_calls.timeouts
    assert all(max(timeouts) <= 0.6 for timeouts in school_calls.timeouts)
    assert (status, answer["data"]["students"][0]["payments"]) == (200, None)
    assert school_graph.seconds_left({}) == DEADLINE
    assert school_graph.seconds_left({school_graph.SECONDS_LEFT: "900"}) == DEADLINE
    assert school_graph.seconds_left({school_graph.SECONDS_LEFT: "soon"}) == DEADLINE
    assert school_graph.seconds_left({school_graph.SECONDS_LEFT: "-1"}) == 0


# --- federation ------------------------------------------------------------------------------------------------------


def test_another_subgraph_finds_students_by_their_id(
    world: OutsideWorld, siblings: list[str], unknown_student: str
) -> None:
    query = """
    query($them: [_Any!]!) {
      _entities(representations: $them) { ... on Student { id statement(term: "2026-3") { standing } } }
    }
    """
    them = [{"__typename": "Student", "id": name} for name in (siblings[0], unknown_student, siblings[1])]
    first, nobody, second = ask(query, them=them)["data"]["_entities"]
    assert [first["id"], second["id"]] == siblings[:2]
    assert first["statement"]["standing"]
    assert nobody == {"id": unknown_student, "statement": None}
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


def test_subgraphs_that_do_not_compose_are_named() -> None:
    library = LIBRARY.replace("books: [String!]!", "payments(term: String!): String")
    with pytest.raises(CompositionError, match=r"Student\.payments"):
        compose({"school": graph_schema.schema(), "library": library})


# --- bounds ----------------------------------------------------------------------------------------------------------


def test_one_request_costs_a_bounded_number_of_calls(world: OutsideWorld) -> None:
    terms = [f"20{year}-1" for year in range(10, 13)]
    fields = " ".join(f'p{term[:4]}: payments(term: "{term}") {{ amount }}' for term in terms)
    ids = [f"SSC{n:08}" for n in range(MOST_STUDENTS)]
    answer = ask("query($ids: [ID!]!) { students(ids: $ids) { " + fields + " } }", ids=ids)
    assert {error["extensions"]["code"] for error in answer["errors"]} == {"TOO_MANY_FIGURES"}
    assert len(answer["errors"]) == len(terms) * MOST_STUDENTS - MOST_CALLS
    assert len(world.calls("school")) == MOST_CALLS


def test_a_list_has_a_bounded_number_of_students(world: OutsideWorld) -> None:
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
def test_a_query_that_asks_too_much_or_is_no_query_is_refused_before_any_call(world: OutsideWorld, query: str) -> None:
    status, answer = post({"query": query})
    assert status == 400
    assert answer["errors"]
    assert not answer.get("data")
    assert world.calls("school") == []


@pytest.mark.parametrize(
    "them",
    [
        [{"__typename": "S-udent", "id": "1"}],
        [{"__typename": ["Student"], "id": "1"}],
        [{"__typename": "Query", "id": "1"}],
        [{"id": "1"}],
        [{"__typename": "Student"}],
        [{"__typename": "Student", "id": "1", "name": "x"}],
        ["Student"],
        [1],
        [{"__typename": "Student", "id": "1"}] * (MOST_STUDENTS + 1),
    ],
    ids=str,
)
def test_representations_of_another_form_are_refused_by_name(world: OutsideWorld, them: list[Any]) -> None:
    query = "query($them: [_Any!]!) { _entities(representations: $them) { ... on Student { id } } }"
    status, answer = post({"query": query, "variables": {"them": them}})
    assert status == 400
    assert {error["extensions"]["code"] for error in answer["errors"]} <= {"BAD_REQUEST", "TOO_MANY_STUDENTS"}
    assert world.calls("school") == []


def test_the_types_have_no_circle_so_the_depth_of_queries_is_bounded() -> None:
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
def test_a_body_that_is_no_graphql_request_is_refused(body: str) -> None:
    assert post(body)[0] == 400


def test_a_body_in_base64_is_read() -> None:
    event = {
        "requestContext": {"http": {"method": "POST"}},
        "headers": {},
        "body": base64.b64encode(b'{"query": "{ __typename }"}').decode(),
        "isBase64Encoded": True,
    }
    assert json.loads(school_graph.handler(event, None)["body"]) == {"data": {"__typename": "Query"}}


def test_an_error_of_our_own_is_logged_by_its_class_and_answered_without_its_text(
    environment: pytest.MonkeyPatch, printed: Any, siblings: list[str]
) -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError("password=hunter2")

    environment.setattr(SchoolApi, "payments_of", broken)
    answer = ask('query($id: ID!) { student(id: $id) { payments(term: "2026-3") { amount } } }', id=siblings[0])
    (error,) = answer["errors"]
    assert (error["path"], error["extensions"]) == (["student", "payments"], {"code": "INTERNAL"})
    assert "hunter2" not in json.dumps(answer) + printed.getvalue()
    assert "ZeroDivisionError" in printed.getvalue()


def test_without_the_api_key_the_fields_have_errors(
    environment: pytest.MonkeyPatch, plan: Plan, siblings: list[str]
) -> None:
    dependencies.secrets.cache_clear()  # with the key that the fixture put there
    environment.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    answer = ask('query($id: ID!) { student(id: $id) { id payments(term: "2026-3") { amount } } }', id=siblings[0])
    assert answer["data"]["student"] == {"id": siblings[0], "payments": None}
    assert answer["errors"][0]["extensions"]["code"] == "SCHOOL_API_UNAVAILABLE"
