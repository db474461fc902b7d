"""Definitions as they are deployed: the file, with the default retry, and nothing that the catalog does not know."""

import json
from pathlib import Path
from typing import Any

import pytest

from infra import state_machine_definitions as definitions
from infra.catalog import MACHINES
from infra.state_machine_definitions import DEFAULT_RETRY, INVOKE, DefinitionError, load_definition, tasks


def task(**fields: Any) -> dict[str, Any]:
    arguments = {"FunctionName": "${Understand}", "Payload": {}}
    return {"Type": "Task", "Resource": INVOKE, "Arguments": arguments, "TimeoutSeconds": 5, "End": True, **fields}


def machine(*states: dict[str, Any], **fields: Any) -> dict[str, Any]:
    named = {f"State {place}": state for place, state in enumerate(states)}
    return {"StartAt": "State 0", "TimeoutSeconds": 90, "States": named, **fields}


@pytest.fixture
def load(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Loads a definition as if it were the conversation's."""
    monkeypatch.setattr(definitions, "FOLDER", tmp_path)

    def load(definition: dict[str, Any]) -> dict[str, Any]:
        (tmp_path / "conversation.asl.json").write_text(json.dumps(definition))
        loaded: dict[str, Any] = json.loads(load_definition("conversation"))
        return loaded

    return load


def test_a_lambda_task_without_retriers_gets_the_default_one(load: Any) -> None:
    assert load(machine(task()))["States"]["State 0"]["Retry"] == [DEFAULT_RETRY]


def test_a_task_with_retriers_of_its_own_keeps_them_first(load: Any) -> None:
    own = {"ErrorEquals": ["DataUnavailable"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 2}
    assert load(machine(task(Retry=[own])))["States"]["State 0"]["Retry"] == [own, DEFAULT_RETRY]


def test_a_task_that_names_the_errors_of_lambda_itself_gets_nothing(load: Any) -> None:
    own = {"ErrorEquals": ["Lambda.ServiceException"], "IntervalSeconds": 9, "MaxAttempts": 6, "BackoffRate": 2}
    assert load(machine(task(Retry=[own])))["States"]["State 0"]["Retry"] == [own]


def test_tasks_in_branches_and_maps_are_found(load: Any) -> None:
    parallel = {"Type": "Parallel", "Branches": [machine(task())], "End": True}
    items = {"Type": "Map", "ItemProcessor": machine(task()), "End": True}
    found = load(machine(parallel, items))
    assert [state["Retry"] for _, state in tasks(found)] == [[DEFAULT_RETRY], [DEFAULT_RETRY]]


def test_what_is_no_lambda_task_gets_no_retry(load: Any) -> None:
    found = load(machine(task(Resource="arn:aws:states:::sqs:sendMessage"), {"Type": "Pass", "End": True}))
    assert all("Retry" not in state for state in found["States"].values())


@pytest.mark.parametrize(
    ("definition", "problem"),
    [
        (machine(task(), TimeoutSeconds=60), "conversation: TimeoutSeconds: expected 90"),
        (machine(task(TimeoutSeconds=None)), "State 0: TimeoutSeconds: expected whole seconds"),
        (machine(task(Arguments={"FunctionName": "${Unknown}"})), r"\$\{Unknown\}: expected a function or queue"),
    ],
)
def test_what_does_not_fit_the_catalog_is_refused_by_name(load: Any, definition: dict[str, Any], problem: str) -> None:
    with pytest.raises(DefinitionError, match=problem):
        load(definition)


@pytest.mark.parametrize("name", [machine.name for machine in MACHINES])
def test_every_machine_of_the_catalog_loads(name: str) -> None:
    loaded = json.loads(load_definition(name))
    assert all(state["Retry"] for _, state in tasks(loaded) if state["Resource"] == INVOKE)
