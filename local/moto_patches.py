# mypy: disable-error-code="attr-defined, method-assign, assignment, index, typeddict-item, union-attr, no-untyped-call"
"""What moto 5.2.5 does differently from AWS, put right: one function for each fault, with a test beside each.

The tests in `tests/local/test_moto_patches.py` say, patch by patch, when moto has caught up and the patch can go.
"""

# mypy: disable-error-code="attr-defined, method-assign, assignment, index, typeddict-item"

from local import light_moto  # noqa: F401 - first

# isort: split
import itertools
import json
import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from copy import copy
from functools import cache, cached_property, lru_cache, wraps
from types import SimpleNamespace
from typing import Any, Final

from moto.sqs import models as sqs_models
from moto.sqs.models import Queue, SQSBackend
from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, ExecutionFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.catch.catch_decl import CatchDecl, CatchOutcome
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl
from moto.stepfunctions.parser.asl.component.common.retry.retrier_decl import RetrierDecl
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.execute_state import ExecutionState
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.exec.state_task import lambda_eval_utils
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.component.state.wait.wait_function.wait_function import WaitFunction
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.backend.execution import BaseExecutionWorkerCommunication, Execution
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from local import jsonata

DEDUPLICATION_SECONDS: Final = 300

_scale = threading.local()  # how fast pauses pass in the execution that this thread runs: 1 is real time


@cache
def apply() -> None:
    """Patch moto in this process, once."""
    _cache_parsed_definitions()
    _cache_parsed_paths()
    _bind_jsonata_variables()
    _read_variables_as_on_entry()
    _keep_reserved_error_names()
    _leave_terminal_errors_uncaught()
    _name_unmatched_choices()
    _name_executions()
    _keep_data_out_of_logs()
    _invoke_functions()
    _pace_pauses()
    _record_states()
    _lock_queues()
    _count_messages_when_asked()
    _receive_without_counting()


# --- Step Functions: faults of the interpreter ------------------------------------------------------------------------


def _cache_parsed_definitions() -> None:
    """moto parses the definition at each execution (14 ms), on state shared by all threads."""
    parse = AmazonStateLanguageParser.parse
    lock = threading.Lock()

    @lru_cache(maxsize=512)
    def parse_once(definition: str) -> Any:
        with lock:
            Preprocessor._query_language_per_scope.clear()  # a failed parse leaves its scopes behind
            return parse(definition)

    AmazonStateLanguageParser.parse = staticmethod(parse_once)


def _cache_parsed_paths() -> None:
    """moto builds a JSONPath parser for the `$` of each state that it leaves: 40 % of an execution."""
    result_path.parse = lru_cache(maxsize=512)(result_path.parse)


def _bind_jsonata_variables() -> None:
    """moto has no JSONata engine, and would paste variables into the expression's text: a quote breaks it."""

    def evaluate(self: StringJSONata, env: Environment) -> None:
        states = {
            name: value
            for name, value in env.states._states_data.items()
            if value is not None or name not in {"result", "errorOutput"}
        }
        try:
            value = jsonata.evaluate(self.expression, _variables(env) | {"states": states})
        except jsonata.JsonataError as error:
            raise _query_evaluation_error(env, str(error)) from error
        env.stack.append(value)

    StringJSONata._eval_body = evaluate


def _variables(env: Environment) -> dict[str, Any]:
    store = env.variable_store
    on_entry: dict[str, Any] | None = getattr(store, "on_entry", None)
    return {**store._outer_scope, **store._inner_scope} if on_entry is None else on_entry


def _query_evaluation_error(env: Environment, cause: str) -> FailureEventException:
    name = StatesErrorName(typ=StatesErrorNameType.StatesQueryEvaluationError)
    details = EvaluationFailedEventDetails(error=name.error_name, cause=cause)
    return FailureEventException(
        FailureEvent(
            env=env,
            error_name=name,
            event_type=HistoryEventType.EvaluationFailed,
            event_details=EventDetails(evaluationFailedEventDetails=details),
        )
    )


def _read_variables_as_on_entry() -> None:
    """On AWS every expression of a state reads the variables as they were on entry; moto shows it its own Assign."""
    evaluate = CommonStateField._eval_body

    @wraps(evaluate)
    def enter(self: CommonStateField, env: Environment) -> None:
        store = env.variable_store
        store.on_entry = {**store._outer_scope, **store._inner_scope}
        evaluate(self, env)

    CommonStateField._eval_body = enter


def _keep_reserved_error_names() -> None:
    """A `States.*` error inside a Parallel branch or a Map becomes an uncatchable `States.Runtime` in moto."""

    def name_of(error_name: str | None) -> Any:
        if error_name is not None and error_name.startswith("States."):
            with suppress(ValueError):
                return StatesErrorName.from_name(error_name)
        return CustomErrorName(error_name)

    branches_decl.CustomErrorName = name_of
    iteration_worker.CustomErrorName = name_of


def _leave_terminal_errors_uncaught() -> None:
    """`States.ALL` catches neither `States.Runtime` nor `States.DataLimitExceeded` on AWS."""
    evaluate = ErrorEqualsDecl._eval_body
    terminal = {"States.Runtime", "States.DataLimitExceeded"}

    def matches(self: ErrorEqualsDecl, env: Environment) -> None:
        error = env.stack[-1].error_name
        evaluate(self, env)
        if error in terminal and error not in {name.error_name for name in self.error_names}:
            env.stack[-1] = False

    ErrorEqualsDecl._eval_body = matches


def _name_unmatched_choices() -> None:
    """A Choice without a match and without a Default fails with `States.NoChoiceMatched`."""
    evaluate = StateChoice._eval_state

    def choose(self: StateChoice, env: Environment) -> None:
        try:
            evaluate(self, env)
        except RuntimeError as error:
            name = StatesErrorName(typ=StatesErrorNameType.StatesNoChoiceMatched)
            details = ExecutionFailedEventDetails(error=name.error_name, cause=f"No choice of '{self.name}' matched.")
            raise FailureEventException(
                FailureEvent(
                    env=env,
                    error_name=name,
                    event_type=HistoryEventType.ExecutionFailed,
                    event_details=EventDetails(executionFailedEventDetails=details),
                )
            ) from error

    StateChoice._eval_state = choose


def _name_executions() -> None:
    """Two executions that are started without a name collide in moto; AWS names them."""
    start = StepFunctionsParserBackend.start_execution

    def start_named(self: StepFunctionsParserBackend, arn: str, name: str | None = None, *more: Any) -> Any:
        return start(self, arn, name or str(uuid.uuid4()), *more)

    StepFunctionsParserBackend.start_execution = start_named


def _keep_data_out_of_logs() -> None:
    """moto logs each failure with its cause, which holds the function's payload, and makes its text in any case."""
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    EvalComponent._log_failure_event_exception = lambda self, failure_event_exception: None
    EvalComponent._log_exception = lambda self, exception: None


# --- Step Functions: what the runner in state_machines.py needs to know and to control --------------------------------


def _invoke_functions() -> None:
    """Lambda tasks go to the `invoke` of the execution's own details, not to boto3."""

    def invoke(env: Environment, parameters: dict[str, Any], region: str, state_credentials: Any) -> None:
        name = parameters["FunctionName"].partition(":function:")[2] or parameters["FunctionName"]
        payload = json.loads(parameters.get("Payload") or b"{}")
        result = env.aws_execution_details.invoke(name.partition(":")[0], payload)
        env.stack.append({"ExecutedVersion": "$LATEST", "Payload": result, "StatusCode": 200})

    lambda_eval_utils.execute_lambda_function_integration = invoke


def _pace_pauses() -> None:
    """Retry intervals and Wait states pass at the pace of the execution, so that tests need not sit through them."""
    retry, wait = RetrierDecl._eval_body, WaitFunction._wait_interval

    def paced_retry(self: RetrierDecl, env: Environment) -> None:
        _scale.pace = env.aws_execution_details.pace
        retry(self, env)

    def paced_wait(self: WaitFunction, env: Environment, wait_seconds: float) -> None:
        wait(self, env, wait_seconds * env.aws_execution_details.pace)

    RetrierDecl._eval_body = paced_retry
    WaitFunction._wait_interval = paced_wait
    retrier_decl.time = SimpleNamespace(sleep=lambda seconds: time.sleep(seconds * getattr(_scale, "pace", 1)))


def _record_states() -> None:
    """Each state writes its line into the execution's timeline."""
    evaluate, open_inner_frame = CommonStateField._eval_body, Environment.open_inner_frame
    catch, retry = CatchDecl._eval_body, ExecutionState._handle_retry

    @wraps(evaluate)
    def record(self: CommonStateField, env: Environment) -> None:
        step = env.step = env.aws_execution_details.enter(self.name, self.state_type.name, getattr(env, "inside", None))
        try:
            evaluate(self, env)
        except FailureEventException as failure:
            step.error = (failure.extract_error_cause_pair() or ("States.Runtime",))[0]
            raise
        except Exception:
            step.error = "States.Runtime"
            raise
        finally:
            step.stop = time.time()

    def record_catch(self: CatchDecl, env: Environment) -> None:
        error = env.stack[-1].error_name
        catch(self, env)
        if env.stack[-1] == CatchOutcome.Caught:
            env.step.error = error.error_name

    def record_retry(self: ExecutionState, env: Environment, failure_event: FailureEvent) -> Any:
        outcome = retry(self, env, failure_event)
        env.step.attempts = env.states.context_object.context_object_data["State"]["RetryCount"] + 1
        return outcome

    def open_named_frame(self: Environment, event_history_context: Any = None) -> Environment:
        frame = open_inner_frame(self, event_history_context)
        frame.inside = self.next_state_name
        return frame

    CommonStateField._eval_body = record
    CatchDecl._eval_body = record_catch
    ExecutionState._handle_retry = record_retry
    Environment.open_inner_frame = open_named_frame


def record_standard_executions(begin: Callable[..., Any], conclude: Callable[..., None]) -> None:
    """moto's own StartExecution gets the details that `begin` makes, and ends in `conclude`."""
    reflect = BaseExecutionWorkerCommunication._reflect_execution_status

    def details(self: Execution) -> Any:
        return begin(self.name, self.state_machine.name, self.input_data)

    def reflect_and_conclude(self: BaseExecutionWorkerCommunication) -> None:
        reflect(self)
        env: Any = self.execution.exec_worker.env
        conclude(env.aws_execution_details, env)

    Execution._get_start_aws_execution_details = details
    BaseExecutionWorkerCommunication._reflect_execution_status = reflect_and_conclude


# --- SQS --------------------------------------------------------------------------------------------------------------


def _lock_queues() -> None:
    """moto's queues lose messages that arrive during a delete, and forget a deduplication id once it is deleted."""
    delete, receive = Queue.delete_message, SQSBackend.receive_message
    sequence = itertools.count(18_850_000_000_000_000_000)

    def add(self: Queue, message: Any) -> None:
        with self._messages_lock:
            moved = message.approximate_receive_count > 0  # to a dead-letter queue or back: not sent, so no duplicate
            if self.fifo_queue:
                if not moved and message.deduplication_id and not _first_of_its_id(self, message):
                    return
                message.sequence_number = str(next(sequence))  # grows, as on AWS
            self._messages.append(message)
            self._messages_lock.notify_all()
        _notify(self)

    def delete_locked(self: Queue, receipt_handle: str) -> None:
        with self._messages_lock:
            delete(self, receipt_handle)
        _notify(self)

    def receive_locked(self: SQSBackend, queue_name: str, count: int, wait: int, *more: Any, **options: Any) -> Any:
        with self.get_queue(queue_name)._messages_lock:
            return receive(self, queue_name, count, wait, *more, **options)

    Queue.add_message = add
    Queue.delete_message = delete_locked
    SQSBackend.receive_message = receive_locked


def _count_messages_when_asked() -> None:
    """To look up one setting, moto counts all messages of the queue nine times: 20 ms a send when 500 wait."""
    attributes = Queue.attributes

    class LazyAttributes(Mapping[str, Any]):
        def __init__(self, queue: Queue) -> None:
            self._queue = queue

        @cached_property
        def _all(self) -> dict[str, Any]:
            found: dict[str, Any] = attributes.fget(self._queue)
            return found

        def __getitem__(self, name: str) -> Any:
            if name != "ContentBasedDeduplication":
                return self._all[name]
            if not self._queue.fifo_queue:
                raise KeyError(name)
            return str(self._queue.content_based_deduplication).lower()

        def __iter__(self) -> Iterator[str]:
            return iter(self._all)

        def __len__(self) -> int:
            return len(self._all)

    Queue.attributes = property(LazyAttributes)


def _receive_without_counting() -> None:
    """For each message that it hands out moto looks up a setting of the queue, and so counts its messages; for each one
    that waits it reads the clock by way of two datetimes: with 600 waiting, one took 35 ms, and now 0.3.

    Copies of what is only read, or only replaced, need not be deep.
    """

    def is_kept(self: SQSBackend, queue_name: str, message: Any) -> bool:
        kept = self.get_queue(queue_name).message_retention_period
        return bool(kept + message.sent_timestamp / 1000 > time.time())

    def milliseconds() -> float:
        return time.time() * 1000

    SQSBackend.is_message_valid_based_on_retention_period = is_kept
    sqs_models.deepcopy = copy
    sqs_models.unix_time = time.time
    sqs_models.unix_time_millis = milliseconds


def _first_of_its_id(queue: Queue, message: Any) -> bool:
    """Whether this id is new within the last five minutes; per group if the queue says so, as AWS does."""
    per_group = getattr(queue, "deduplication_scope", "queue") == "messageGroup"
    key = (message.group_id if per_group else None, message.deduplication_id)
    seen: dict[Any, float] = queue.__dict__.setdefault("deduplication_ids", {})
    now = time.monotonic()
    for old in [old for old, until in seen.items() if until < now] if len(seen) > 10_000 else []:
        del seen[old]
    if seen.get(key, 0) > now:
        return False
    seen[key] = now + DEDUPLICATION_SECONDS
    return True


def _notify(queue: Queue) -> None:
    on_change: Callable[[], None] | None = getattr(queue, "on_change", None)
    if on_change:
        on_change()
