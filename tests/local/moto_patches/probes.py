# mypy: disable-error-code="typeddict-item, attr-defined, arg-type, assignment, func-returns-value"
"""Prints which of moto's faults are still there, as JSON. Run it in a process of its own, without our patches."""

import json
import logging
import sys
import unittest.mock
from typing import Any

from jsonata import Jsonata
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.api import StateMachineType
from moto.stepfunctions.parser.asl.component.common.error_name.error_equals_decl import ErrorEqualsDecl
from moto.stepfunctions.parser.asl.component.common.error_name.states_error_name import StatesErrorName
from moto.stepfunctions.parser.asl.component.common.path import result_path
from moto.stepfunctions.parser.asl.component.eval_component import EvalComponent
from moto.stepfunctions.parser.asl.eval.environment import Environment
from moto.stepfunctions.parser.asl.eval.evaluation_details import AWSExecutionDetails
from moto.stepfunctions.parser.asl.eval.event.event_manager import EventHistoryContext
from moto.stepfunctions.parser.asl.jsonata import jsonata
from moto.stepfunctions.parser.asl.parse.asl_parser import AmazonStateLanguageParser
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

CHOICE = {"Type": "Choice", "Choices": [{"Variable": "$.a", "IsPresent": True, "Next": "B"}]}
NEXT = {"StartAt": "A", "States": {"A": {"Type": "Succeed"}}}


def run(definition: dict[str, Any], execution_input: Any = None) -> Any:
    """Run a definition with unpatched moto."""
    program = AmazonStateLanguageParser.parse(json.dumps(definition))[0]
    environment = Environment(
        aws_execution_details=AWSExecutionDetails("123456789012", "eu-west-1", "role"),
        execution_type=StateMachineType.EXPRESS,
        context={
            "Execution": {"Id": "x", "Input": execution_input, "Name": "x", "RoleArn": "x", "StartTime": "x"},
            "StateMachine": {"Id": "x", "Name": "x"},
        },
        event_history_context=EventHistoryContext.of_program_start(),
        cloud_watch_logging_session=None,
        activity_store={},
    )
    program.eval(environment)
    return environment


def error_of(definition: dict[str, Any]) -> str | None:
    return (getattr(run(definition).program_state(), "error", None) or {}).get("error")


def cache_parsed_definitions() -> bool:
    text = json.dumps(NEXT)
    return AmazonStateLanguageParser.parse(text)[0] is not AmazonStateLanguageParser.parse(text)[0]


def cache_parsed_paths() -> bool:
    return result_path.parse("$") is not result_path.parse("$")


def bind_jsonata_variables() -> bool:
    """A quote in a value must not end the literal that it is pasted into."""
    return '"a"b"' in jsonata.encode_jsonata_variable_declarations({"$v": 'a"b'})


def read_variables_as_on_entry() -> bool:
    """With the simplest JSONata engine, since moto has none: on AWS the output is the value on entry, 1."""
    jsonata._eval_jsonata = lambda expression: Jsonata(expression).evaluate(None)
    states = {
        "A": {"Type": "Pass", "Assign": {"v": 1}, "Next": "B"},
        "B": {"Type": "Pass", "Assign": {"v": 2}, "Output": "{% $v %}", "End": True},
    }
    environment = run({"QueryLanguage": "JSONata", "StartAt": "A", "States": states})
    jsonata._eval_jsonata = None
    return bool(environment.states.get_input() == 2)


def keep_reserved_error_names() -> bool:
    states = {
        "Both": {
            "Type": "Parallel",
            "Branches": [{"StartAt": "Choose", "States": {"Choose": CHOICE, "B": {"Type": "Succeed"}}}],
            "Catch": [{"ErrorEquals": ["States.Runtime"], "Next": "Caught"}],
            "End": True,
        },
        "Caught": {"Type": "Succeed"},
    }
    return error_of({"StartAt": "Both", "States": states}) is not None


def leave_terminal_errors_uncaught() -> bool:
    class Stack:
        def __init__(self, error: str) -> None:
            self.stack: list[Any] = [StatesErrorName.from_name(error)]

    everything = ErrorEqualsDecl([StatesErrorName.from_name("States.ALL")])
    environment = Stack("States.DataLimitExceeded")
    everything._eval_body(environment)
    return environment.stack[-1] is True


def name_unmatched_choices() -> bool:
    return error_of({"StartAt": "A", "States": {"A": CHOICE, "B": {"Type": "Succeed"}}}) != "States.NoChoiceMatched"


def name_executions() -> bool:
    backend = stepfunctions_parser_backends["123456789012"]["eu-west-1"]
    machine = backend.create_state_machine("m", json.dumps(NEXT), "arn:aws:iam::123456789012:role/r")
    return backend.start_execution(machine.arn).name is None


def keep_data_out_of_logs() -> bool:
    records: list[logging.LogRecord] = []
    handler = logging.Handler()
    handler.emit = records.append
    logging.getLogger(EvalComponent.__module__).addHandler(handler)
    run({"StartAt": "A", "States": {"A": {"Type": "Fail", "Error": "E", "Cause": "what the parent wrote"}}})
    return any("what the parent wrote" in record.getMessage() for record in records)


def lock_queues() -> bool:
    backend = sqs_backends["123456789012"]["eu-west-1"]
    queue = backend.create_queue("q.fifo", FifoQueue="true")
    backend.send_message("q.fifo", "one", deduplication_id="d", group_id="g")
    received = backend.receive_message("q.fifo", 1, 0, 30)
    backend.delete_message("q.fifo", received[0].receipt_handle)
    backend.send_message("q.fifo", "one", deduplication_id="d", group_id="g")
    return len(queue._messages) == 1


def count_messages_when_asked() -> bool:
    backend = sqs_backends["123456789012"]["eu-west-1"]
    queue = backend.create_queue("counted.fifo", FifoQueue="true")
    counted: list[int] = []
    type(queue).messages = property(lambda self: counted.append(1) or [])
    backend.send_message("counted.fifo", "one", deduplication_id="d", group_id="g")
    return bool(counted)


def receive_without_counting() -> bool:
    backend = sqs_backends["123456789012"]["eu-west-1"]
    queue = backend.create_queue("received.fifo", FifoQueue="true")
    backend.send_message("received.fifo", "one", deduplication_id="d", group_id="g")
    counted: list[int] = []
    counts = property(lambda self: counted.append(1) or 0)
    with unittest.mock.patch.object(type(queue), "approximate_number_of_messages", counts):
        backend.receive_message("received.fifo", 1, 0, 30)
    return bool(counted)


def main() -> None:
    checks = [
        cache_parsed_definitions,
        cache_parsed_paths,
        bind_jsonata_variables,
        read_variables_as_on_entry,
        keep_reserved_error_names,
        leave_terminal_errors_uncaught,
        name_unmatched_choices,
        name_executions,
        keep_data_out_of_logs,
        lock_queues,
        receive_without_counting,
        count_messages_when_asked,
    ]
    logging.raiseExceptions = False
    logging.getLogger().addHandler(logging.NullHandler())
    sys.stdout.write(json.dumps({check.__name__: check() for check in checks}))


if __name__ == "__main__":
    main()
