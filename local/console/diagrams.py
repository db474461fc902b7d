"""A state machine as states and transitions, from its definition as it is deployed."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from infra.catalog import FUNCTIONS
from local.step_functions.definitions import load_definitions


@dataclass(frozen=True)
class State:
    """One state; `inside` is the Parallel or Map state that holds it."""

    name: str
    type: str
    inside: str | None
    function: str | None  # name in the catalog of what a Task invokes
    comment: str


@dataclass(frozen=True)
class Transition:
    """From one state to the next; `kind`: next, default, choice or catch."""

    start: str
    end: str
    kind: str


@dataclass(frozen=True)
class Diagram:
    """What is drawn of a state machine."""

    machine: str
    start: str
    states: tuple[State, ...]
    transitions: tuple[Transition, ...]

    def state(self, name: str) -> State | None:
        return next((state for state in self.states if state.name == name), None)

    def inside(self, name: str | None) -> list[State]:
        """The states directly inside a Parallel or Map state; None: inside none."""
        return [state for state in self.states if state.inside == name]


@cache
def diagram(machine: str) -> Diagram:
    definition = json.loads(load_definitions()[machine])
    transitions = tuple(_without_doubles(_transitions(definition)))
    return Diagram(machine, definition["StartAt"], tuple(_states(definition, None)), transitions)


def _scopes(state: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The machines inside a Parallel or Map state."""
    return [*state.get("Branches", []), *([state["ItemProcessor"]] if "ItemProcessor" in state else [])]


def _states(scope: Mapping[str, Any], inside: str | None) -> Iterator[State]:
    for name, state in scope["States"].items():
        yield State(name, state["Type"], inside, _function(state), state.get("Comment", ""))
        for inner in _scopes(state):
            yield from _states(inner, name)


def _transitions(scope: Mapping[str, Any]) -> Iterator[Transition]:
    for name, state in scope["States"].items():
        for key, kind in (("Next", "next"), ("Default", "default")):
            if key in state:
                yield Transition(name, state[key], kind)
        for choice in state.get("Choices", []):
            yield Transition(name, choice["Next"], "choice")
        for catcher in state.get("Catch", []):
            yield Transition(name, catcher["Next"], "catch")
        for inner in _scopes(state):
            yield from _transitions(inner)


def _without_doubles(transitions: Iterator[Transition]) -> Iterator[Transition]:
    """One for each pair of states: of a Catch and another way between the same two, the other way."""
    found: dict[tuple[str, str], Transition] = {}
    for item in transitions:
        pair = (item.start, item.end)
        if pair not in found or found[pair].kind == "catch":
            found[pair] = item
    yield from found.values()


def _function(state: Mapping[str, Any]) -> str | None:
    placeholder = str((state.get("Arguments") or {}).get("FunctionName", ""))
    wanted = placeholder.strip("${}").lower()  # ${FetchFees} stands for fetch_fees
    return next((function.name for function in FUNCTIONS if function.name.replace("_", "") == wanted), None)
