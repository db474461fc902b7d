# mypy: disable-error-code="attr-defined, method-assign, assignment, index, typeddict-item, union-attr, no-untyped-call"
"""Corrections of moto's interpreter of state machines."""

import logging
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from functools import lru_cache, wraps
from typing import Any, Final

from moto.stepfunctions.parser.api import EvaluationFailedEventDetails, ExecutionFailedEventDetails, HistoryEventType
from moto.stepfunctions.parser.asl.component.common.error_name.custom_error_name import CustomErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.failure_event import FailureEvent, FailureEventException
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name_type import StatesErrorNameType
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.common.string.string_expression import StringJSONata
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.component.state.choice.state_choice import StateChoice
from moto.stepfunctions.parser.asl.component.state.exec.state_map.iteration import iteration_worker
from moto.stepfunctions.parser.asl.component.state.exec.state_parallel import branches_decl
from moto.stepfunctions.parser.asl.component.state.state import CommonStateField
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.event.event_detail import EventDetails
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.asl.parse.preprocessor import Preprocessor
from moto.stepfunctions.parser.models import StepFunctionsParserBackend

from local import jsonata


def cache_parsed_definitions() -> None:
    """moto parses the definition at each execution, which takes 14 ms, and keeps the parser's state in a class.

    Executions in parallel threads would mix that state, and a failed parse leaves it behind.
    """
    parse = AmazonStateLanguageParser.parse
    lock = threading.Lock()

    @lru_cache(maxsize=512)
    def parse_once(definition: str) -> Any:
        with lock:
            Preprocessor._query_language_per_scope.clear()  # a failed parse leaves its scopes behind
            return parse(definition)

    AmazonStateLanguageParser.parse = staticmethod(parse_once)


def cache_parsed_paths() -> None:
    """moto builds a JSONPath parser each time a state ends, even for the path `$`: 40 % of an execution's time."""
    result_path.parse = lru_cache(maxsize=512)(result_path.parse)


def bind_jsonata_variables() -> None:
    """moto has no JSONata engine (https://github.com/getmoto/moto/issues/10105).

    Its code would also paste variables into the text of the expression, so that a quote in a value breaks it.
    """

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


def read_variables_as_on_entry() -> None:
    """On AWS all expressions of a state see the variables as they were on entry; in moto they see its own Assign."""
    evaluate = CommonStateField._eval_body

    @wraps(evaluate)
    def enter(self: CommonStateField, env: Environment) -> None:
        store = env.variable_store
        store.on_entry = {**store._outer_scope, **store._inner_scope}
        evaluate(self, env)

    CommonStateField._eval_body = enter


def keep_reserved_error_names() -> None:
    """In moto a `States.*` error inside a Parallel branch or a Map becomes a `States.Runtime` that nothing catches.

    moto's interpreter comes from LocalStack, where it was https://github.com/localstack/localstack/issues/10489.
    """

    def name_of(error_name: str | None) -> Any:
        if error_name is not None and error_name.startswith("States."):
            with suppress(ValueError):
                return StatesErrorName.from_name(error_name)
        return CustomErrorName(error_name)

    branches_decl.CustomErrorName = name_of
    iteration_worker.CustomErrorName = name_of


def leave_terminal_errors_uncaught() -> None:
    """On AWS `States.ALL` catches neither `States.Runtime` nor `States.DataLimitExceeded`; in moto it catches both."""
    evaluate = ErrorEqualsDecl._eval_body
    terminal = {"States.Runtime", "States.DataLimitExceeded"}

    def matches(self: ErrorEqualsDecl, env: Environment) -> None:
        error = env.stack[-1].error_name
        evaluate(self, env)
        if error in terminal and error not in {name.error_name for name in self.error_names}:
            env.stack[-1] = False

    ErrorEqualsDecl._eval_body = matches


def name_unmatched_choices() -> None:
    """On AWS a Choice without a match and a Default fails with `States.NoChoiceMatched`, in moto with RuntimeError."""
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


def name_executions() -> None:
    """AWS names an execution that is started without a name; in moto two of them collide."""
    start = StepFunctionsParserBackend.start_execution

    def start_named(self: StepFunctionsParserBackend, arn: str, name: str | None = None, *more: Any) -> Any:
        return start(self, arn, name or str(uuid.uuid4()), *more)

    StepFunctionsParserBackend.start_execution = start_named


def keep_data_out_of_logs() -> None:
    """moto logs the cause of each failure, which holds what a function received: messages and phone numbers."""
    logging.getLogger("moto.stepfunctions").setLevel(logging.CRITICAL)
    EvalComponent._log_failure_event_exception = lambda self, failure_event_exception: None
    EvalComponent._log_exception = lambda self, exception: None


PATCHES: Final[tuple[Callable[[], None], ...]] = (
    cache_parsed_definitions,
    cache_parsed_paths,
    bind_jsonata_variables,
    read_variables_as_on_entry,
    keep_reserved_error_names,
    leave_terminal_errors_uncaught,
    name_unmatched_choices,
    name_executions,
    keep_data_out_of_logs,
)
