"""Loads state machine definitions as they are deployed, drawn and run locally: checked, with the default retries.

Nothing here imports the CDK: the CDK app and the local stack read the files of `statemachines/` through `load` alike.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from infra.catalog import FUNCTIONS, MACHINES, Function, Machine
from infra.names import camel_case
from infra.paths import ROOT

FOLDER: Final = ROOT / "statemachines"
LAMBDA_INVOKE: Final = "arn:aws:states:::lambda:invoke"
# The function has certainly not begun. One in a VPC is inactive after weeks without a call, and takes its time.
NOT_STARTED_RETRY: Final[Mapping[str, Any]] = {
    "ErrorEquals": ["Lambda.TooManyRequestsException", "Lambda.ResourceNotReadyException"],
    "IntervalSeconds": 1,
    "MaxAttempts": 4,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}
# It may have begun, and ended in the middle or without being heard.
INTERRUPTED_RETRY: Final[Mapping[str, Any]] = {
    "ErrorEquals": [
        "Lambda.ServiceException",
        "Lambda.AWSLambdaException",
        "Lambda.SdkClientException",
        "Lambda.Unknown",
        "Runtime.ExitError",
    ],
    "IntervalSeconds": 1,
    "MaxAttempts": 2,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}
# Tried once more only: its time is already spent.
TIMED_OUT_RETRY: Final[Mapping[str, Any]] = {
    "ErrorEquals": ["Sandbox.Timedout", "States.Timeout"],
    "IntervalSeconds": 1,
    "MaxAttempts": 1,
    "BackoffRate": 2,
    "JitterStrategy": "FULL",
}
REPEATABLE_RETRIES: Final = (NOT_STARTED_RETRY, INTERRUPTED_RETRY, TIMED_OUT_RETRY)
SENDING_RETRIES: Final = (NOT_STARTED_RETRY,)  # what may have been sent is not sent again
MATCH_EVERY_LAMBDA_ERROR: Final = frozenset({"States.ALL", "States.TaskFailed"})
PLACEHOLDER: Final = re.compile(r"\$\{(\w+)\}")


class DefinitionError(Exception):
    """A definition that must not be deployed; the message names the file and everything that is wrong with it."""


def load(
    machine: Machine,
    *,
    functions: Iterable[Function] = FUNCTIONS,
    machines: Iterable[Machine] = MACHINES,
    folder: Path = FOLDER,
) -> str:
    """The definition as JSON text, its placeholders not yet replaced; DefinitionError if it fails a check."""
    path = folder / f"{machine.name}.asl.json"
    try:
        definition = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DefinitionError(f"{path.name}: there is no such file in {folder.name}/") from None
    except ValueError as error:
        raise DefinitionError(f"{path.name}: not JSON: {error}") from None
    queued = [item.name for item in machines if item.queue]
    known = substitutions(dict.fromkeys((item.name for item in functions), ""), dict.fromkeys(queued, ""), "").keys()
    if problems := list(_problems(definition, machine, known)):
        raise DefinitionError("\n".join(f"{path.name}: {problem}" for problem in problems))
    sending = {f"${{{function_placeholder(item.name)}}}" for item in functions if item.sends}
    for _, state in tasks(definition):
        if state["Resource"] == LAMBDA_INVOKE:
            is_sending = state["Arguments"]["FunctionName"] in sending
            _add_default_retries(state, SENDING_RETRIES if is_sending else REPEATABLE_RETRIES)
    return json.dumps(definition, indent=2, ensure_ascii=False)


def substitutions(function_arns: Mapping[str, str], queue_urls: Mapping[str, str], school_api: str) -> dict[str, str]:
    """Placeholder -> value, for every placeholder that a definition may use.

    `queue_urls` has the names of the machines that the queues start as keys; `school_api` is the setting of that name.
    """
    return {
        "SchoolApi": school_api,
        **{function_placeholder(name): arn for name, arn in function_arns.items()},
        **{queue_url_placeholder(name): url for name, url in queue_urls.items()},
    }


def function_placeholder(function: str) -> str:
    """fetch_fees -> FetchFees, which stands for the function's ARN."""
    return camel_case(function)


def queue_url_placeholder(machine: str) -> str:
    """payment -> PaymentQueueUrl, the queue that starts that machine."""
    return f"{camel_case(machine)}QueueUrl"


def placeholders(text: str) -> list[str]:
    """The names inside `${…}`, in the order of the text, without repeats."""
    return list(dict.fromkeys(PLACEHOLDER.findall(text)))


def tasks(definition: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Name and body of every Task, inside Parallel and Map states too."""
    for name, state in definition["States"].items():
        if state["Type"] == "Task":
            yield name, state
        for branch in state.get("Branches", []):
            yield from tasks(branch)
        for processor in ("ItemProcessor", "Iterator"):
            if processor in state:
                yield from tasks(state[processor])


def _problems(definition: Mapping[str, Any], machine: Machine, known: Iterable[str]) -> Iterator[str]:
    seconds = definition.get("TimeoutSeconds")
    if seconds != machine.seconds:
        yield f"TimeoutSeconds is {seconds}, but the catalog says {machine.seconds}"
    for name, state in tasks(definition):
        if not state.keys() & {"TimeoutSeconds", "TimeoutSecondsPath"}:
            yield f"the task {name!r} has no TimeoutSeconds"
    known = sorted(known)
    for placeholder in placeholders(json.dumps(definition)):
        if placeholder not in known:
            yield f"the placeholder ${{{placeholder}}} is unknown; there are: {', '.join(known)}"


def _add_default_retries(task: dict[str, Any], defaults: Iterable[Mapping[str, Any]]) -> None:
    """Appends the defaults for those of their errors that no retrier of the task's own matches."""
    own = task.get("Retry", [])
    matched = {error for retrier in own for error in retrier["ErrorEquals"]}
    if matched & MATCH_EVERY_LAMBDA_ERROR:
        return
    task["Retry"] = list(own)
    for default in defaults:
        if missing := [error for error in default["ErrorEquals"] if error not in matched]:
            task["Retry"].append({**default, "ErrorEquals": missing})
