"""State machines as states and transitions: what is deployed, nothing else."""

import json
from typing import Any

import pytest

from infra.catalog import MACHINES
from local.console.diagrams import diagram
from local.step_functions.definitions import load_definitions

NAMES = [machine.name for machine in MACHINES]


def states(node: Any) -> set[str]:
    """Every state of a definition, inner ones too."""
    if isinstance(node, dict):
        own = set(node["States"]) if "StartAt" in node and "States" in node else set()
        return own.union(*map(states, node.values()))
    return set().union(*map(states, node)) if isinstance(node, list) else set()


@pytest.mark.parametrize("name", NAMES)
def test_every_state_that_is_deployed_is_drawn_once(name: str) -> None:
    drawn = [state.name for state in diagram(name).states]
    assert sorted(drawn) == sorted(states(json.loads(load_definitions()[name])))


@pytest.mark.parametrize("name", NAMES)
def test_every_transition_joins_two_drawn_states_and_no_pair_twice(name: str) -> None:
    found = diagram(name)
    names = {state.name for state in found.states}
    pairs = [(item.start, item.end) for item in found.transitions]
    assert found.start in names
    assert {name for pair in pairs for name in pair} <= names
    assert len(pairs) == len(set(pairs))


@pytest.mark.parametrize("name", NAMES)
def test_every_lambda_task_names_its_function(name: str) -> None:
    definition = json.loads(load_definitions()[name])
    for drawn in diagram(name).states:
        state = definition["States"].get(drawn.name, {})
        if "lambda:invoke" in state.get("Resource", ""):
            assert drawn.function, drawn.name
