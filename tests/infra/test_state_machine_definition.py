"""What the loader adds to a definition, and what it refuses."""

import json
import re
from pathlib import Path
from typing import Any

import pytest

from infra.catalog import FUNCTIONS, MACHINES, MESSAGE_RECEIVES, Function, Machine
from infra.state_machine_definition import (
    FOLDER,
    INTERRUPTED_RETRY,
    LAMBDA_INVOKE,
    NOT_STARTED_RETRY,
    REPEATABLE_RETRIES,
    TIMED_OUT_RETRY,
    DefinitionError,
    function_placeholder,
    load,
    placeholders,
    substitutions,
    tasks,
)

MACHINE = Machine("example", "an example", seconds=60, queue="examples")
DEFAULTS = list(REPEATABLE_RETRIES)
ERRORS = [error for default in DEFAULTS for error in default["ErrorEquals"]]
every_machine = pytest.mark.parametrize("machine", MACHINES, ids=lambda machine: machine.name)


def task(**fields: Any) -> dict[str, Any]:
    """A Lambda task that is the end of its machine."""
    arguments = {"FunctionName": "${FetchFees}"}
    return {
        "Type": "Task",
        "Resource": LAMBDA_INVOKE,
        "Arguments": arguments,
        "TimeoutSeconds": 5,
        "End": True,
    } | fields


def definition(state: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {"StartAt": "Only", "TimeoutSeconds": 60, "States": {"Only": state}} | fields


def loaded(folder: Path, content: dict[str, Any]) -> dict[str, Any]:
    (folder / "example.asl.json").write_text(json.dumps(content))
    result: dict[str, Any] = json.loads(load(MACHINE, folder=folder))
    return result


def retry(folder: Path, **fields: Any) -> Any:
    """The Retry with which a task comes out that went in with these fields."""
    return loaded(folder, definition(task(**fields)))["States"]["Only"].get("Retry")


# --- the default retry ------------------------------------------------------------------------------------------------


def test_a_lambda_task_without_a_retry_gets_the_default(tmp_path: Path) -> None:
    assert retry(tmp_path) == DEFAULTS
    assert retry(tmp_path, Retry=[]) == DEFAULTS


def test_the_default_comes_after_the_tasks_own_retriers(tmp_path: Path) -> None:
    own = {"ErrorEquals": ["WhatsAppUnavailable"], "MaxAttempts": 7}
    assert retry(tmp_path, Retry=[own]) == [own, *DEFAULTS]


@pytest.mark.parametrize("error", ["States.ALL", "States.TaskFailed"])
def test_a_retrier_that_matches_every_error_stays_alone(tmp_path: Path, error: str) -> None:
    own = {"ErrorEquals": [error], "MaxAttempts": 1}
    assert retry(tmp_path, Retry=[own]) == [own]


def test_errors_that_the_task_retries_itself_are_left_out_of_the_default(tmp_path: Path) -> None:
    own = {"ErrorEquals": ["Lambda.TooManyRequestsException"], "MaxAttempts": 9}
    assert retry(tmp_path, Retry=[own]) == [
        own,
        {**NOT_STARTED_RETRY, "ErrorEquals": ["Lambda.ResourceNotReadyException"]},
        INTERRUPTED_RETRY,
        TIMED_OUT_RETRY,
    ]
    everything = {"ErrorEquals": [*ERRORS, "Other"], "MaxAttempts": 9}
    assert retry(tmp_path, Retry=[everything]) == [everything]


def test_only_lambda_tasks_get_it(tmp_path: Path) -> None:
    send = "arn:aws:states:::sqs:sendMessage"
    assert retry(tmp_path, Resource=send, Arguments={"QueueUrl": "${ConversationQueueUrl}"}) is None
    wait = definition({"Type": "Wait", "Seconds": 1, "End": True})
    assert loaded(tmp_path, wait) == wait


@pytest.mark.parametrize(
    "nest",
    [
        lambda inner: {"Type": "Parallel", "Branches": [inner, inner], "End": True},
        lambda inner: {"Type": "Map", "ItemProcessor": inner, "End": True},
        lambda inner: {"Type": "Map", "Iterator": inner, "End": True},
        lambda inner: {
            "Type": "Parallel",
            "Branches": [{"StartAt": "Map", "States": {"Map": {"Type": "Map", "ItemProcessor": inner, "End": True}}}],
            "End": True,
        },
    ],
    ids=["Parallel", "Map", "Iterator", "Map in Parallel"],
)
def test_nested_tasks_get_it_too(tmp_path: Path, nest: Any) -> None:
    found = list(tasks(loaded(tmp_path, definition(nest({"StartAt": "Inner", "States": {"Inner": task()}})))))
    assert found
    assert all(state["Retry"] == DEFAULTS for _, state in found)


# --- what may have been sent is not repeated --------------------------------------------------------------------------

CALLED = {f"${{{function_placeholder(item.name)}}}": item for item in FUNCTIONS}
INTERRUPTED = {
    *("Lambda.Unknown", "Runtime.ExitError", "Sandbox.Timedout", "States.Timeout"),
    *("Lambda.ServiceException", "Lambda.AWSLambdaException", "Lambda.SdkClientException"),
}
NOT_STARTED = {"Lambda.TooManyRequestsException", "Lambda.ResourceNotReadyException"}
REFUSED = {"WhatsAppUnavailable"}  # the function's word that nothing was sent


def lambda_tasks() -> list[Any]:
    return [
        pytest.param(CALLED[state["Arguments"]["FunctionName"]], state, id=f"{machine.name}: {name}")
        for machine in MACHINES
        for name, state in tasks(json.loads(load(machine)))
        if state["Resource"] == LAMBDA_INVOKE
    ]


@pytest.mark.parametrize(("called", "state"), lambda_tasks())
def test_a_task_is_retried_by_whether_its_function_sends(called: Function, state: dict[str, Any]) -> None:
    named = [error for retrier in state["Retry"] for error in retrier["ErrorEquals"]]
    retried = set(named)
    assert len(named) == len(retried)
    assert retried >= NOT_STARTED
    assert not retried & {"States.ALL", "States.TaskFailed"}
    if called.sends:
        assert retried <= NOT_STARTED | REFUSED
    else:
        assert retried >= INTERRUPTED
    for retrier in state["Retry"]:
        assert retrier["IntervalSeconds"] >= 1
        assert 1 <= retrier["MaxAttempts"] <= 20
        assert retrier["BackoffRate"] > 1


def test_the_functions_that_send_are_those_that_write_to_people() -> None:
    names = ["webhook", "send_reply", "write_to_parent", "notify_office", "send_receipt"]
    assert [item.name for item in FUNCTIONS if item.sends] == names


# --- checks -----------------------------------------------------------------------------------------------------------


def test_everything_that_is_wrong_is_named_at_once(tmp_path: Path) -> None:
    wrong = task(Arguments={"FunctionName": "${FetchFeez}"})
    del wrong["TimeoutSeconds"]
    with pytest.raises(DefinitionError) as error:
        loaded(tmp_path, definition(wrong, TimeoutSeconds=61))
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert all(line.startswith("example.asl.json: ") for line in lines)
    assert lines[0].endswith("TimeoutSeconds is 61, but the catalog says 60")
    assert lines[1].endswith("the task 'Only' has no TimeoutSeconds")
    assert "${FetchFeez} is unknown; there are: " in lines[2]


def test_a_nested_task_needs_a_timeout_too(tmp_path: Path) -> None:
    inner = task()
    del inner["TimeoutSeconds"]
    branch = {"StartAt": "Inner", "States": {"Inner": inner}}
    with pytest.raises(DefinitionError, match="the task 'Inner' has no TimeoutSeconds"):
        loaded(tmp_path, definition({"Type": "Parallel", "Branches": [branch], "End": True}))


def test_a_file_that_is_missing_or_no_json_is_named(tmp_path: Path) -> None:
    with pytest.raises(DefinitionError, match=r"example\.asl\.json: there is no such file"):
        load(MACHINE, folder=tmp_path)
    (tmp_path / "example.asl.json").write_text("{,")
    with pytest.raises(DefinitionError, match=r"example\.asl\.json: not JSON: .*line 1"):
        load(MACHINE, folder=tmp_path)


# --- placeholders -----------------------------------------------------------------------------------------------------


def test_a_queue_is_known_by_the_machine_that_it_starts(tmp_path: Path) -> None:
    send = task(Resource="arn:aws:states:::sqs:sendMessage", Arguments={"QueueUrl": "${ExampleQueueUrl}"})
    (tmp_path / "example.asl.json").write_text(json.dumps(definition(send)))
    with pytest.raises(DefinitionError, match="ExampleQueueUrl"):
        load(MACHINE, folder=tmp_path)
    assert placeholders(load(MACHINE, machines=[*MACHINES, MACHINE], folder=tmp_path)) == ["ExampleQueueUrl"]


def test_substitutions_name_functions_queues_and_settings() -> None:
    found = substitutions({"fetch_fees": "arn:f"}, {"payment": "https://queue"}, "rest")
    assert found == {"FetchFees": "arn:f", "PaymentQueueUrl": "https://queue", "SchoolApi": "rest"}


# --- the definitions of the product -----------------------------------------------------------------------------------


def test_every_file_is_in_the_catalog() -> None:
    assert {path.name for path in FOLDER.glob("*.json")} == {f"{item.name}.asl.json" for item in MACHINES}


@every_machine
def test_the_product_s_definitions_are_loaded_and_differ_from_their_files_by_retriers_alone(machine: Machine) -> None:
    written = json.loads((FOLDER / f"{machine.name}.asl.json").read_text("utf-8"))
    deployed = json.loads(load(machine))
    before, after = list(tasks(written)), list(tasks(deployed))
    assert before
    for (_, own), (_, made) in zip(before, after, strict=True):
        assert made.get("Retry", [])[: len(own.get("Retry", []))] == own.get("Retry", [])
        own.pop("Retry", None)
        made.pop("Retry", None)
    assert deployed == written


@pytest.mark.parametrize("machine", [item for item in MACHINES if item.queue], ids=lambda machine: machine.name)
def test_a_definition_knows_the_last_delivery_of_its_queue(machine: Machine) -> None:
    compared = re.findall(r"\$receive_count (?:<|>=) (\d+)", load(machine))
    assert {int(number) for number in compared} == {MESSAGE_RECEIVES}
