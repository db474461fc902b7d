"""Runs a state machine as Express Step Functions would, in milliseconds, with Python functions in place of Lambdas.

    execution = run(definition, {"message": "hi"}, invoke)
    assert execution.status == "SUCCEEDED"
    assert execution.names == ["Understand", "Send reply", "Remember"]

`invoke(function name, payload)` returns the function's result or raises: any exception becomes the error that a
Python Lambda would report (its class name), `FunctionError` carries a payload of its own, and `InvokeError` is an error
of the Lambda service. The interpreter is moto's, put right by `local/moto_patches.py`.
"""

from local import light_moto  # noqa: F401 - first

# isort: split
import json
import re
import time
import traceback
import uuid
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import StateMachineType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils import LambdaFunctionErrorException
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError, ProgramTimedOut
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser, ASLParserException
from moto.stepfunctions.parser.utils import TMP_THREADS

from local import jsonata, moto_patches
from local.plan import ACCOUNT, REGION

ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/local"

Invoke = Callable[[str, Any], Any]


class FunctionError(Exception):
    """A function failed; `payload` is what Lambda reports: errorType, errorMessage, stackTrace."""

    def __init__(self, payload: dict[str, Any]) -> None:
        super().__init__(payload.get("errorType"))
        self.payload = payload


class InvokeError(Exception):
    """The Lambda service refused or failed: the machine sees `Lambda.<code>`."""

    def __init__(self, code: str, message: str = "", status: int = 500) -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.status = code, message, status


class InvalidDefinitionError(ValueError):
    """The definition would be refused, or could not run; the text lists every reason."""


@dataclass
class StateRun:
    """One visit to one state: a bar of the waterfall. Times are Unix seconds."""

    name: str
    type: str
    start: float
    inside: str | None = None  # the Parallel or Map state it ran in
    stop: float | None = None
    error: str | None = None  # also when a Catch handled it
    attempts: int = 1

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "type": self.type,
            "inside": self.inside,
            "start": self.start,
            "stop": self.stop,
            "ok": self.error is None,
            "error": self.error,
            "attempts": self.attempts,
        }


@dataclass
class Execution:
    """One run of a state machine: what StartSyncExecution answers, and the timeline of its states."""

    name: str
    machine: str
    input: Any
    start: float
    stop: float | None = None
    status: str = "RUNNING"  # SUCCEEDED, FAILED, TIMED_OUT
    output: Any = None
    error: str | None = None
    cause: str | None = None
    timeline: list[StateRun] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The states that ran, in the order in which they were entered."""
        return [state.name for state in self.timeline]

    def state(self, name: str) -> StateRun:
        """The last visit to that state; KeyError if it did not run."""
        for state in reversed(self.timeline):
            if state.name == name:
                return state
        raise KeyError(f"{name!r} did not run; these did: {', '.join(self.names)}")

    def overlap(self, one: str, other: str) -> float:
        """Seconds during which both states ran."""
        a, b = self.state(one), self.state(other)
        return max(0.0, min(a.stop or a.start, b.stop or b.start) - max(a.start, b.start))

    @property
    def arn(self) -> str:
        return f"arn:aws:states:{REGION}:{ACCOUNT}:express:{self.machine}:{self.name}:{uuid.uuid4()}"

    def sync_response(self) -> dict[str, Any]:
        """The answer of StartSyncExecution, with dates as Unix seconds; the HTTP status is 200 even when it failed."""
        stop = self.stop or time.time()
        milliseconds = int((stop - self.start) * 1000)
        answer = {
            "executionArn": self.arn,
            "stateMachineArn": machine_arn(self.machine),
            "name": self.name,
            "status": self.status,
            "startDate": self.start,
            "stopDate": stop,
            "input": json.dumps(self.input, separators=(",", ":")),
            "inputDetails": {"included": True},
            "billingDetails": {
                "billedDurationInMilliseconds": -(-milliseconds // 100) * 100,
                "billedMemoryUsedInMB": 64,
            },
        }
        if self.status == "SUCCEEDED":
            output = json.dumps(self.output, separators=(",", ":"))
            return answer | {"output": output, "outputDetails": {"included": True}}
        return answer | {key: value for key in ("error", "cause") if (value := getattr(self, key)) is not None}


def run(
    definition: str,
    input: Any,
    invoke: Invoke,
    *,
    name: str | None = None,
    machine: str = "conversation",
    pace: float = 1.0,
    on_start: Callable[[Execution], None] | None = None,
) -> Execution:
    """Run a definition to its end.

    `pace` scales the pauses of Retry and Wait (0: none), not timeouts. `on_start` gets the execution while it runs.
    A definition that cannot be parsed raises InvalidDefinitionError; everything else ends in `status`.
    """
    moto_patches.apply()
    program = _parse(definition)
    execution = Execution(name or str(uuid.uuid4()), machine, json.loads(json.dumps(input)), time.time())
    if on_start:
        on_start(execution)
    environment = Environment(
        aws_execution_details=_Details(execution, invoke, pace),
        execution_type=StateMachineType.EXPRESS,
        context=_context(execution),
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    program.eval(environment)
    _conclude(execution, environment)
    return execution


def run_standard_executions(invoke: Invoke, on_start: Callable[[Execution], None]) -> None:
    """From now on moto's own StartExecution calls these functions, and its executions have timelines too."""
    moto_patches.apply()

    def begin(name: str, machine: str, input_data: Any) -> _Details:
        execution = Execution(name, machine, input_data, time.time())
        on_start(execution)
        return _Details(execution, invoke, pace=1.0)

    moto_patches.record_standard_executions(begin, lambda details, env: _conclude(details.execution, env))


def machine_arn(name: str) -> str:
    return f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:{name}"


def substitute(definition: str, values: Mapping[str, str]) -> str:
    """The definition with each `${Name}` replaced; InvalidDefinitionError names those that have no value."""
    missing = sorted(set(re.findall(r"\$\{(\w+)\}", definition)) - set(values))
    if missing:
        raise InvalidDefinitionError(f"no value for {', '.join(missing)}")
    return re.sub(r"\$\{(\w+)\}", lambda match: values[match[1]], definition)


def check(definition: str) -> None:
    """Raise InvalidDefinitionError with all that is wrong: syntax, targets, states never reached, expressions."""
    moto_patches.apply()
    _parse(definition)
    problems = [*_flow_problems(json.loads(definition)), *_expression_problems(json.loads(definition))]
    if problems:
        raise InvalidDefinitionError("; ".join(problems))


# --- inside -----------------------------------------------------------------------------------------------------------


class _Details(AWSExecutionDetails):
    """What moto hands from frame to frame of an execution: here it carries the functions and the timeline too."""

    def __init__(self, execution: Execution, invoke: Invoke, pace: float) -> None:
        super().__init__(account=ACCOUNT, region=REGION, role_arn=ROLE)
        self.execution, self.call, self.pace = execution, invoke, pace

    def enter(self, name: str, state_type: str, inside: str | None) -> StateRun:
        state = StateRun(name, state_type, time.time(), inside)
        self.execution.timeline.append(state)
        return state

    def invoke(self, function_name: str, payload: Any) -> Any:
        try:
            return json.loads(json.dumps(self.call(function_name, payload)))  # a Lambda's result is JSON, nothing else
        except InvokeError as error:
            details = {"Error": {"Code": error.code, "Message": error.message}}
            metadata = {"ResponseMetadata": {"HTTPStatusCode": error.status, "RequestId": str(uuid.uuid4())}}
            raise ClientError({**details, **metadata}, "Invoke") from error
        except FunctionError as error:
            raise LambdaFunctionErrorException("Unhandled", json.dumps(error.payload)) from error
        except Exception as error:
            trace = traceback.format_tb(error.__traceback__)
            payload = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}
            raise LambdaFunctionErrorException("Unhandled", json.dumps(payload)) from error


def _context(execution: Execution) -> Any:
    started = datetime.fromtimestamp(execution.start, UTC).isoformat(timespec="milliseconds")
    return {
        "Execution": {
            "Id": execution.arn,
            "Input": execution.input,
            "Name": execution.name,
            "RoleArn": ROLE,
            "StartTime": started.replace("+00:00", "Z"),
        },
        "StateMachine": {"Id": machine_arn(execution.machine), "Name": execution.machine},
    }


def _conclude(execution: Execution, environment: Environment) -> None:
    state = environment.program_state()
    if isinstance(state, ProgramEnded):
        execution.status, execution.output = "SUCCEEDED", environment.states.get_input()
    elif isinstance(state, ProgramTimedOut):
        execution.status, execution.error = "TIMED_OUT", "States.Timeout"
    elif isinstance(state, ProgramError):
        failure = state.error or {}
        execution.status = "FAILED"
        execution.error, execution.cause = failure.get("error"), failure.get("cause")
    else:
        execution.status, execution.error = "FAILED", "States.Runtime"
    execution.stop = time.time()
    TMP_THREADS.clear()  # moto keeps every thread it ever started
    execution.timeline = list(execution.timeline)  # states that are still running may not touch the record any more


def _parse(definition: str) -> Any:
    try:
        return AmazonStateLanguageParser.parse(definition)[0]
    except ASLParserException as error:
        raise InvalidDefinitionError("; ".join(error.errors)) from error
    except Exception as error:
        raise InvalidDefinitionError(f"{type(error).__name__}: {error}") from error


def _scopes(node: Any, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every machine in the definition, branches and Map processors included, with its place."""
    if isinstance(node, dict):
        if "StartAt" in node and "States" in node:
            yield path or "machine", node
        for key, value in node.items():
            yield from _scopes(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _scopes(value, f"{path}/{index}")


def _flow_problems(definition: dict[str, Any]) -> Iterator[str]:
    for place, scope in _scopes(definition):
        states = scope["States"]
        targets = {name: set(_targets(state)) for name, state in states.items()}
        for name, wanted in [("StartAt", {scope["StartAt"]}), *targets.items()]:
            for target in sorted(wanted - set(states)):
                yield f"{place}: {name} goes to {target!r}, which does not exist"
        reached, fresh = set(), {scope["StartAt"]}
        while fresh:
            reached |= fresh
            fresh = {target for name in fresh for target in targets.get(name, ())} - reached
        for name in sorted(set(states) - reached):
            yield f"{place}: {name!r} is never reached"


def _targets(state: dict[str, Any]) -> Iterator[str]:
    for rule in [state, *state.get("Choices", []), *state.get("Catch", [])]:
        yield from (rule[key] for key in ("Next", "Default") if key in rule)


def _expression_problems(node: Any, path: str = "") -> Iterator[str]:
    if isinstance(node, dict):
        for key, value in node.items():
            yield from _expression_problems(value, f"{path}/{key}")
    elif isinstance(node, list):
        for index, value in enumerate(node):
            yield from _expression_problems(value, f"{path}/{index}")
    elif isinstance(node, str) and node.startswith("{%") and node.endswith("%}"):
        reason = jsonata.problem(node[2:-2].strip())
        if reason:
            yield f"{path}: {reason}"
