"""The deployed definitions of the state machines, with functions' names in place of their ARNs."""

import json
from typing import Any

from infra.catalog import machine
from infra.state_machine_definition import load, placeholders
from local.step_functions.definitions import substitute


def states_of(name: str) -> dict[str, dict[str, Any]]:
    """The states of a machine, by name."""
    states: dict[str, dict[str, Any]] = json.loads(load(machine(name)))["States"]
    return states


def definition_of(name: str, school_api: str = "rest") -> str:
    """The definition with each placeholder replaced by its own name, and the school API chosen."""
    text = load(machine(name))
    return substitute(text, {item: item for item in placeholders(text)} | {"SchoolApi": school_api})


def every_state(states: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Every state by name, with those of branches and loops."""
    inner = [part for state in states.values() for part in [*state.get("Branches", []), state.get("ItemProcessor", {})]]
    return states | {name: state for part in inner for name, state in every_state(part.get("States", {})).items()}
