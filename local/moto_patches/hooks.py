# mypy: disable-error-code="attr-defined, method-assign, assignment, index, typeddict-item, union-attr, no-untyped-call"
"""What our own runner needs from moto's interpreter: tasks, pauses and a timeline that it controls."""

import json
import threading
import time
from collections.abc import Callable
from functools import wraps
from types import SimpleNamespace
from typing import Any, Final

from moto.stepfunctions.parser.asl.component.common.catch.catch_decl import CatchDecl, CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.exec.state_task.service.state_task_service_sqs import (
    StateTaskServiceSqs,
)
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution

_thread: Final = threading.local()  # `pace` of the execution that this thread runs: 1 is real time


def invoke_functions() -> None:
    """Lambda tasks go to the `invoke` of the execution's own details, not to boto3."""

    def invoke(env: Environment, parameters: dict[str, Any], region: str, state_credentials: Any) -> None:
        name = parameters["FunctionName"].partition(":function:")[2] or parameters["FunctionName"]
        payload = json.loads(parameters.get("Payload") or b"{}")
        result = env.aws_execution_details.invoke(name, payload, env.step)
        env.stack.append({"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200})

    lambda_eval_utils.execute_lambda_function_integration = invoke


def send_messages() -> None:
    """SQS tasks go to the `send_message` of the execution's own details.

    moto would make a new boto3 client for each, at an endpoint that is fixed by an environment variable.
    """

    def send(
        self: StateTaskServiceSqs,
        env: Environment,
        resource_runtime_part: Any,
        normalised_parameters: dict[str, Any],
        state_credentials: Any,
    ) -> None:
        arguments = dict(normalised_parameters)
        if not isinstance(arguments.get("MessageBody", ""), str):
            arguments["MessageBody"] = json.dumps(arguments["MessageBody"], separators=(",", ":"))
        env.stack.append(env.aws_execution_details.send_message(arguments))

    StateTaskServiceSqs._eval_service_task = send


def pace_pauses() -> None:
    """Retry intervals and Wait states are scaled by the `pace` of the execution, so that tests need not wait."""
    retry, wait = RetrierDecl._eval_body, WaitFunction._wait_interval

    def paced_retry(self: RetrierDecl, env: Environment) -> None:
        _thread.pace = env.aws_execution_details.pace
        retry(self, env)

    def paced_wait(self: WaitFunction, env: Environment, wait_seconds: float) -> None:
        wait(self, env, wait_seconds * env.aws_execution_details.pace)

    RetrierDecl._eval_body = paced_retry
    WaitFunction._wait_interval = paced_wait
    retrier_decl.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * getattr(_thread, "pace", 1)))


def record_states() -> None:
    """Each state is recorded in the execution's timeline."""
    evaluate, open_frame = CommonStateField._eval_body, Environment.open_frame
    open_inner_frame = Environment.open_inner_frame
    catch, retry = CatchDecl._eval_body, ExecutionState._handle_retry

    @wraps(evaluate)
    def record(self: CommonStateField, env: Environment) -> None:
        details = env.aws_execution_details
        step = env.step = details.enter(self.name, self.state_type.name, getattr(env, "inside", None))
        step.entered_with = env.states._states_data["input"]  # replaced, never changed: no copy is needed
        try:
            evaluate(self, env)
        except FailureEventException as failure:
            step.error, step.cause = failure.extract_error_cause_pair() or ("States.Runtime", None)
            raise
        except Exception:
            step.error = "States.Runtime"
            raise
        finally:
            step.stop = time.time()
            step.left_with = env.states._states_data["input"]  # of the next state
            details.execution.changed(step)

    def record_catch(self: CatchDecl, env: Environment) -> None:
        error = env.stack[-1].error_name
        catch(self, env)
        if env.stack[-1] == CatchOutcome.Caught:
            env.step.error = error.error_name
            env.step.cause = (env.states.get_error_output() or {}).get("Cause")

    def record_retry(self: ExecutionState, env: Environment, failure_event: FailureEvent) -> Any:
        outcome = retry(self, env, failure_event)
        env.step.attempts = env.states.context_object.context_object_data["State"]["RetryCount"] + 1
        env.aws_execution_details.execution.changed(env.step)
        return outcome

    def open_named_frame(self: Environment, event_history_context: Any = None) -> Environment:
        frame = open_inner_frame(self, event_history_context)
        frame.inside = self.next_state_name
        return frame

    def open_frame_of_state(self: Environment, event_history_context: Any = None) -> Environment:
        frame = open_frame(self, event_history_context)
        frame.step = getattr(self, "step", None)  # a Task runs in a frame of its own because of its timeout
        return frame

    CommonStateField._eval_body = record
    Environment.open_frame = open_frame_of_state
    CatchDecl._eval_body = record_catch
    ExecutionState._handle_retry = record_retry
    Environment.open_inner_frame = open_named_frame


def record_standard_executions(begin: Callable[..., Any], conclude: Callable[..., None]) -> None:
    """moto's own StartExecution uses the details that `begin` returns, and calls `conclude` at the end."""
    reflect = BaseExecutionWorkerCommunication._reflect_execution_status

    def details(self: Execution) -> Any:
        return begin(self.name, self.state_machine.name, self.input_data)

    def reflect_and_conclude(self: BaseExecutionWorkerCommunication) -> None:
        reflect(self)
        env: Any = self.execution.exec_worker.env
        conclude(env.aws_execution_details, env)

    Execution._get_start_aws_execution_details = details
    BaseExecutionWorkerCommunication._reflect_execution_status = reflect_and_conclude


HOOKS: Final[tuple[Callable[[], None], ...]] = (
    invoke_functions,
    send_messages,
    pace_pauses,
    record_states,
)
