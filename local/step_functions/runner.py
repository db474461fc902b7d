"""Runs a state machine as Step Functions would, in milliseconds, with Python functions in place of Lambdas.

    execution = run(definition, {"message": "hi"}, invoke)
    assert execution.status == "SUCCEEDED"
    assert execution.names == ["Understand", "Send reply"]

`invoke(function name, payload)` returns the function's result or raises. Any exception becomes the error that a Python
Lambda would report (its class name); `FunctionError` carries its own payload; `InvokeError` is an error of the Lambda
service. `send_message(arguments)` serves tasks of `arn:aws:states:::sqs:sendMessage`. The interpreter is moto's, with
the corrections of `local/moto_patches/`.
"""

from local import moto_patches  # before anything of moto.stepfunctions

# isort: split
import json
import time
import traceback
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from botocore.exceptions import ClientError
from moto.stepfunctions.parser.api import StateMachineType
from moto.stepfunctions.parser.asl.component.state.exec.state_task.lambda_eval_utils import LambdaFunctionErrorException
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.eval.program_state import ProgramEnded, ProgramError, ProgramTimedOut
from moto.stepfunctions.parser.utils import TMP_THREADS

from local.plan import ACCOUNT, REGION, machine_arn
from local.step_functions.errors import FunctionError, Invocation, InvokeError
from local.step_functions.execution import Execution, StateRun, excerpt, shorten
from local.step_functions.validation import parse

ROLE: Final = f"arn:aws:iam::{ACCOUNT}:role/local"

Invoke = Callable[[str, Any], Any]
SendMessage = Callable[[dict[str, Any]], dict[str, Any]]


def no_queues(arguments: dict[str, Any]) -> dict[str, Any]:
    """For definitions that send no messages."""
    raise LookupError(f"no queue {arguments.get('QueueUrl')}: run() was given no send_message")


def run(
    definition: str,
    input: Any,
    invoke: Invoke,
    *,
    name: str | None = None,
    machine: str = "conversation",
    pace: float = 1.0,
    on_start: Callable[[Execution], None] | None = None,
    send_message: SendMessage = no_queues,
    qualified: bool = False,
) -> Execution:
    """Run an Express execution to its end.

    `invoke` may return an `Invocation`, of which the states keep the request id.

    `pace` scales the pauses of Retry and Wait (0: none), not timeouts. `on_start` gets the execution while it runs.
    `send_message` gets the Arguments of an SQS task and returns MessageId, MD5OfMessageBody and SequenceNumber.
    `qualified`: the names that `invoke` gets keep their version or alias.
    A definition that cannot be parsed raises InvalidDefinitionError; every other failure ends in `status`.
    """
    program = parse(definition)
    execution = Execution(name or str(uuid.uuid4()), machine, json.loads(json.dumps(input)), time.time())
    if on_start:
        on_start(execution)
    environment = Environment(
        aws_execution_details=_Details(execution, invoke, send_message, pace, qualified),
        execution_type=StateMachineType.EXPRESS,
        context=_context(execution),
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    program.eval(environment)
    _conclude(execution, environment)
    return execution


def run_standard_executions(
    invoke: Invoke, on_start: Callable[[Execution], None], send_message: SendMessage = no_queues
) -> None:
    """Make moto's own StartExecution call these functions and record timelines, from now on."""
    moto_patches.apply()

    def begin(name: str, machine: str, input_data: Any) -> _Details:
        execution = Execution(name, machine, input_data, time.time())
        on_start(execution)
        return _Details(execution, invoke, send_message, pace=1.0)

    moto_patches.hooks.record_standard_executions(begin, lambda details, env: _conclude(details.execution, env))


class _Details(AWSExecutionDetails):
    """moto passes these from frame to frame of an execution; here they also carry its tasks and its timeline."""

    def __init__(
        self, execution: Execution, invoke: Invoke, send_message: SendMessage, pace: float, qualified: bool = False
    ) -> None:
        super().__init__(account=ACCOUNT, region=REGION, role_arn=ROLE)
        self.execution, self.pace = execution, pace
        self._invoke, self._send_message, self._qualified = invoke, send_message, qualified

    def enter(self, name: str, state_type: str, inside: str | None) -> StateRun:
        state = StateRun(name, state_type, time.time(), inside)
        self.execution.timeline.append(state)
        self.execution.changed(state)
        return state

    def invoke(self, function_name: str, payload: Any, state: StateRun) -> Any:
        """The function's result; the state keeps what went in and out."""
        name = function_name if self._qualified else function_name.partition(":")[0]
        state.function, state.arguments = name, excerpt(payload)
        try:
            result = self._invoke(name, payload)
            if isinstance(result, Invocation):
                _note(state, result)
                result = result.result
            text = json.dumps(result)  # a Lambda's result is always JSON
            state.result = shorten(text)
            return json.loads(text)
        except InvokeError as error:
            details = {"Error": {"Code": error.code, "Message": error.message}}
            metadata = {"ResponseMetadata": {"HTTPStatusCode": error.status, "RequestId": str(uuid.uuid4())}}
            raise ClientError({**details, **metadata}, "Invoke") from error
        except FunctionError as error:
            if error.invocation:
                _note(state, error.invocation)
            raise LambdaFunctionErrorException("Unhandled", json.dumps(error.payload)) from error
        except Exception as error:
            trace = traceback.format_tb(error.__traceback__)
            payload = {"errorMessage": str(error), "errorType": type(error).__name__, "stackTrace": trace}
            raise LambdaFunctionErrorException("Unhandled", json.dumps(payload)) from error

    def send_message(self, arguments: dict[str, Any]) -> dict[str, Any]:
        try:
            return self._send_message(arguments)
        except Exception as error:
            details = {"Error": {"Code": type(error).__name__, "Message": str(error)}}
            raise ClientError(details, "SendMessage") from error


def _note(state: StateRun, invocation: Invocation) -> None:
    state.requests.append(invocation.request_id)
    state.cold_start_ms = invocation.cold_start_ms


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
    TMP_THREADS.clear()  # moto keeps every thread that it ever started
    execution.timeline = list(execution.timeline)  # branches that still run must not change the record
    execution.changed()
