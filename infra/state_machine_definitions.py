"""Definitions of the state machines as they are deployed, run locally and drawn: the file, with the default retry.

Nothing here imports the CDK.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from infra.catalog import FUNCTIONS, MACHINES, machine
from infra.paths import ROOT

FOLDER: Final = ROOT / "statemachines"
PLACEHOLDER: Final = re.compile(r"\$\{(\w+)\}")
INVOKE: Final = "arn:aws:states:::lambda:invoke"

# Errors of the Lambda service before or while it invokes a function.
DEFAULT_RETRY: Final[Mapping[str, Any]] = {
    "ErrorEquals": [
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.TooManyRequestsException",
    ],
    "IntervalSeconds": 1,
    "MaxAttempts": 2,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}


class DefinitionError(Exception):
    """A definition that does not fit the catalog; the message names the state and what is expected."""


def load_definition(name: str) -> str:
    """The definition of a machine of the catalog as JSON, with `${Placeholder}`s for ARNs, URLs and settings.

    Each Lambda task whose retriers do not name the errors of the Lambda service gets the default one. Raises
    DefinitionError for a task without a timeout, an unknown placeholder, or another timeout than the catalog's.
    """
    text = (FOLDER / f"{name}.asl.json").read_text("utf-8")
    definition: dict[str, Any] = json.loads(text)
    problems = list(_problems(name, definition, text))
    if problems:
        raise DefinitionError("; ".join(problems))
    for _, state in tasks(definition):
        if state.get("Resource") == INVOKE:
            _add_default_retry(state)
    return json.dumps(definition, indent=2, ensure_ascii=False)


def placeholders(text: str) -> list[str]:
    """The placeholders of a definition, without repeats."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def function_placeholder(name: str) -> str:
    """fetch_fees -> FetchFees."""
    return "".join(part.capitalize() for part in name.split("_"))


def queue_placeholder(name: str) -> str:
    """payments -> PaymentsQueueUrl."""
    return f"{name.capitalize()}QueueUrl"


def tasks(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, state) of every Task, in branches and Maps too."""
    if isinstance(node, dict):
        for name, state in node.get("States", {}).items():
            if state.get("Type") == "Task":
                yield name, state
        for child in node.values():
            yield from tasks(child)
    elif isinstance(node, list):
        for child in node:
            yield from tasks(child)


def _add_default_retry(state: dict[str, Any]) -> None:
    retriers = state.get("Retry", [])
    named = {error for retrier in retriers for error in retrier["ErrorEquals"]}
    if not named & set(DEFAULT_RETRY["ErrorEquals"]):
        state["Retry"] = [*retriers, dict(DEFAULT_RETRY)]


def _problems(name: str, definition: Mapping[str, Any], text: str) -> Iterator[str]:
    expected = machine(name).seconds
    if definition.get("TimeoutSeconds") != expected:
        yield f"{name}: TimeoutSeconds: expected {expected}, as in infra/catalog.py"
    known = {function_placeholder(function.name) for function in FUNCTIONS} | {"SchoolApi"}
    known |= {queue_placeholder(item.queue) for item in MACHINES if item.queue}
    for placeholder in placeholders(text):
        if placeholder not in known:
            yield f"{name}: ${{{placeholder}}}: expected a function or queue of infra/catalog.py"
    for state, task in tasks(definition):
        if not isinstance(task.get("TimeoutSeconds"), int):
            yield f"{name}: {state}: TimeoutSeconds: expected whole seconds"
