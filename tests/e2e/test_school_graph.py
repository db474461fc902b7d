"""The same conversation with accounts fetched both ways: the reply is the same, the school is asked the same.

The conversation itself goes out once instead of twice; the bot that this product replaces went out three times for each
child (profile, fees, payments), one after the other.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import pytest
import requests

from infra.catalog import SchoolApi
from local.parent import Parent
from local.plan import Plan, Ports
from local.stack import Stack
from local.stack_client import StackClient
from tests.e2e.conftest import BY_SITUATION, TODAY, Phone
from tests.e2e.test_faults import forget_accounts

FETCHES = {"Fetch fees", "Fetch payments", "Fetch account by GraphQL"}


@dataclass(frozen=True)
class Answer:
    """One answer, and what it took."""

    words: str
    fetches: list[str]  # the conversation's own calls
    school: list[tuple[str, str]]  # calls that reached the school's API

    @classmethod
    def of(cls, phone: Phone, message: str) -> "Answer":
        words = phone.says(message)
        school = sorted((call["operation"], call["detail"]) for call in phone.calls("school"))
        return cls(words, sorted(state for state in phone.states if state in FETCHES), school)


@pytest.fixture(scope="module")
def graph_stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    plan = Plan.create(
        tmp_path_factory.mktemp("graph"),
        Ports.free(),
        profile="zero",
        today=TODAY,
        retry_seconds=2,
        school_api=SchoolApi.GRAPH,
        school_api_calls_per_minute=6000,
    )
    with Stack(plan) as started:
        yield started


@pytest.fixture
def graph(graph_stack: Stack) -> Iterator[StackClient]:
    """The stack that fetches accounts by GraphQL, with nothing wrong and no figures kept."""
    found = StackClient(graph_stack.plan)
    forget_accounts(found)
    yield found
    found.world("DELETE", "/faults")


Meet = Callable[[str], Phone]


@pytest.fixture
def by_graph(graph: StackClient) -> Meet:
    """A parent of that situation, where accounts come by GraphQL."""
    return lambda situation: Phone(graph, Parent(BY_SITUATION[situation]))


@pytest.mark.parametrize("message", ["balance", "statement"])
@pytest.mark.parametrize("family", ["40", "credit", "no fees", "two", "three", "five", "unknown"])
def test_both_ways_give_the_same_answer_for_the_same_calls_of_the_school(
    phone: Callable[..., Phone], by_graph: Meet, running: StackClient, graph: StackClient, family: str, message: str
) -> None:
    forget_accounts(running)
    rest, once = Answer.of(phone(family), message), Answer.of(by_graph(family), message)
    assert once.words == rest.words
    assert once.school == rest.school
    assert len(once.school) == len(set(once.school))
    assert (rest.fetches, once.fetches) == (["Fetch fees", "Fetch payments"], ["Fetch account by GraphQL"])


def test_a_gate_pass_is_decided_on_figures_from_the_gateway(by_graph: Meet) -> None:
    assert "GP-2026-3" in by_graph("100").says("gate pass")
    assert "GP-2026-3" not in by_graph("40").says("gate pass")


def test_payments_that_fail_for_a_moment_are_asked_for_again_and_fees_are_not(
    by_graph: Meet, graph: StackClient
) -> None:
    graph.world("PUT", "/faults/school", {"kind": "status", "status": 500, "operation": "payments", "times": 2})
    mother = by_graph("75")
    assert "Owed: $187.50" in mother.says("balance")
    assert len(mother.calls("school", "billed-fees")) == 1
    assert len(mother.calls("school", "payments")) == 3


def test_payments_that_stay_down_are_one_apology_never_a_balance_without_them(
    by_graph: Meet, graph: StackClient
) -> None:
    graph.world("PUT", "/faults/school", {"kind": "status", "status": 500, "operation": "payments"})
    said = by_graph("50").says("balance")
    assert "cannot reach the school's records" in said
    assert "$" not in said


def test_nobody_reaches_the_gateway_from_outside(graph: StackClient) -> None:
    answer = requests.post(f"{graph.plan.public_url}/graphql", json={"query": "{ __typename }"}, timeout=10)
    assert (answer.status_code, answer.json()) == (403, {"message": "Forbidden"})
    assert requests.get(f"{graph.plan.public_url}/graphql", timeout=10).status_code == 404
