"""The state machine runner behaves as Step Functions does, state type by state type."""

import json
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from moto.stepfunctions.parser.asl.component.common.retry import retrier_decl

from local.step_functions.errors import FunctionError, InvokeError
from local.step_functions.execution import Execution
from local.step_functions.runner import run
from tests.local.step_functions.machines import branch, echo, failing, machine, passing, task

NASTY = 'He said "pay \\ now" {% $x %} $states \n \u2028 \U0001f600'


def test_a_lambda_task_gets_its_payload_and_gives_its_result() -> None:
    execution = run(machine({"Fetch": task("fetch_fees")}), {"student": "SSC1"}, echo)
    assert execution.status == "SUCCEEDED"
    assert execution.output == {"function": "fetch_fees", "payload": {"student": "SSC1"}}
    assert execution.names == ["Fetch"]
    assert execution.state("Fetch").error is None


def test_the_result_of_a_task_has_the_shape_of_invoke() -> None:
    execution = run(machine({"Fetch": task("fetch_fees:live", Output="{% $states.result %}")}), 1, echo)
    assert execution.output == {
        "ExecutedVersion": "$LATEST",
        "Payload": {"function": "fetch_fees", "payload": 1},
        "StatusCode": 200,
    }


def test_quotes_and_expressions_in_a_message_stay_data() -> None:
    states = {
        "Keep": passing("{% $states.input %}", Assign={"text": "{% $states.input %}"}, Next="Use"),
        "Use": passing({"text": "{% $text %}", "length": "{% $length($text) %}"}),
    }
    assert run(machine(states), NASTY, echo).output == {"text": NASTY, "length": len(NASTY)}


def test_null_is_not_undefined() -> None:
    states = {"Look": passing({"a": "{% $states.input.a %}", "b": "{% $exists($states.input.b) %}"})}
    assert run(machine(states), {"a": None}, echo).output == {"a": None, "b": False}
    missing = run(machine({"Look": passing("{% $states.input.b %}")}), {"a": None}, echo)
    assert (missing.status, missing.error) == ("FAILED", "States.QueryEvaluationError")
    assert "$states.input.b" in (missing.cause or "")


def test_variables_are_read_as_they_were_on_entry() -> None:
    states = {
        "Set": passing("{% $states.input %}", Assign={"a": 1, "b": 10}, Next="Change"),
        "Change": passing({"a": "{% $a %}"}, Assign={"a": "{% $a + 1 %}", "b": "{% $a + $b %}"}, Next="Read"),
        "Read": passing({"before": "{% $states.input.a %}", "a": "{% $a %}", "b": "{% $b %}"}),
    }
    assert run(machine(states), {}, echo).output == {"before": 1, "a": 2, "b": 11}


def test_a_branch_sees_outer_variables_and_keeps_its_own() -> None:
    inner = branch(
        {"Inner": passing(1, Assign={"own": "{% $outer & '!' %}"}, Next="Out"), "Out": passing("{% $own %}")}
    )
    states = {
        "Set": passing(1, Assign={"outer": "x"}, Next="Both"),
        "Both": {"Type": "Parallel", "Branches": [inner, inner], "Next": "After"},
        "After": passing({"results": "{% $states.input %}", "leaked": "{% $exists($own) %}"}),
    }
    assert run(machine(states), {}, echo).output == {"results": ["x!", "x!"], "leaked": False}


def test_choice_takes_the_first_match_with_its_assign_and_output() -> None:
    choose = {
        "Type": "Choice",
        "Choices": [
            {"Condition": "{% $states.input.n > 10 %}", "Next": "Big", "Assign": {"size": "big"}},
            {"Condition": "{% $states.input.n > 5 %}", "Next": "Big", "Output": {"n": 5}, "Assign": {"size": "mid"}},
        ],
        "Default": "Small",
    }
    states = {
        "Choose": choose,
        "Big": passing({"size": "{% $size %}", "n": "{% $states.input.n %}"}),
        "Small": passing("small"),
    }
    assert run(machine(states), {"n": 11}, echo).output == {"size": "big", "n": 11}
    assert run(machine(states), {"n": 6}, echo).output == {"size": "mid", "n": 5}
    small = run(machine(states), {"n": 1}, echo)
    assert small.output == "small"
    assert small.names == ["Choose", "Small"]


def test_choice_without_a_match_fails_by_name() -> None:
    choose = {"Type": "Choice", "Choices": [{"Condition": "{% false %}", "Next": "End"}]}
    execution = run(machine({"Choose": choose, "End": {"Type": "Succeed"}}), {}, echo)
    assert (execution.status, execution.error) == ("FAILED", "States.NoChoiceMatched")


def test_parallel_branches_overlap_and_their_results_keep_their_order() -> None:
    both_run = threading.Barrier(2)

    def meet(name: str, payload: Any) -> Any:
        both_run.wait(30)
        return name

    states = {
        "Fetch account": {
            "Type": "Parallel",
            "Branches": [
                branch({"Fetch fees": task("fetch_fees")}),
                branch({"Fetch payments": task("fetch_payments")}),
            ],
            "Next": "Done",
        },
        "Done": {"Type": "Succeed"},
    }
    execution = run(machine(states), {}, meet)
    assert execution.output == ["fetch_fees", "fetch_payments"]
    assert execution.overlap("Fetch fees", "Fetch payments") > 0
    assert execution.overlap("Fetch fees", "Done") == 0
    assert execution.state("Fetch fees").inside == "Fetch account"
    assert execution.state("Done").inside is None


def test_map_works_on_each_item() -> None:
    states = {
        "Each": {
            "Type": "Map",
            "Items": "{% $states.input %}",
            "MaxConcurrency": 2,
            "ItemSelector": {"student": "{% $states.context.Map.Item.Value %}"},
            "ItemProcessor": branch({"One": task("fetch", Output="{% $states.result.Payload.payload.student %}")}),
            "End": True,
        }
    }
    execution = run(machine(states), ["a", "b", "c"], echo)
    assert execution.output == ["a", "b", "c"]
    assert execution.names.count("One") == 3
    assert execution.state("One").inside == "Each"


def test_wait_pauses_for_its_seconds() -> None:
    rest = {"Type": "Wait", "Seconds": 1000, "Next": "End"}
    definition = machine({"Rest": rest, "End": {"Type": "Succeed"}}, TimeoutSeconds=30)  # a timeout keeps real time
    start = time.monotonic()
    assert run(definition, {}, echo, pace=0.0001).status == "SUCCEEDED"
    assert time.monotonic() - start > 0.05


def test_fail_carries_its_error_and_cause() -> None:
    states = {"No": {"Type": "Fail", "Error": "Refused", "Cause": "{% 'because ' & $states.input %}"}}
    execution = run(machine(states), "it rains", echo)
    assert (execution.status, execution.error, execution.cause) == ("FAILED", "Refused", "because it rains")


class SchoolUnavailable(Exception):
    pass


def test_an_exception_is_what_a_python_lambda_reports() -> None:
    execution = run(machine({"Fetch": task("fetch")}), {}, failing(SchoolUnavailable("HTTP 500")))
    assert (execution.status, execution.error) == ("FAILED", "SchoolUnavailable")
    cause = json.loads(execution.cause or "")
    assert cause["errorType"] == "SchoolUnavailable"
    assert cause["errorMessage"] == "HTTP 500"
    assert isinstance(cause["stackTrace"], list)
    assert execution.state("Fetch").error == "SchoolUnavailable"


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (FunctionError({"errorType": "Sandbox.Timedout", "errorMessage": "Task timed out"}), "Sandbox.Timedout"),
        (FunctionError({"errorType": "Runtime.ExitError", "errorMessage": "exit status 1"}), "Runtime.ExitError"),
        (InvokeError("TooManyRequestsException", "Rate Exceeded.", 429), "Lambda.TooManyRequestsException"),
        (InvokeError("ServiceException"), "Lambda.ServiceException"),
    ],
)
def test_errors_can_be_caught_by_name(raised: Exception, error: str) -> None:
    catch = [{"ErrorEquals": [error], "Next": "Sorry", "Output": "{% $states.errorOutput.Error %}"}]
    states = {"Fetch": task("fetch", Catch=catch, Next="Sorry"), "Sorry": {"Type": "Succeed"}}
    execution = run(machine(states), {}, failing(raised))
    assert (execution.status, execution.output) == ("SUCCEEDED", error)
    assert execution.state("Fetch").error == error


def test_a_catch_can_assign_and_choose_its_output() -> None:
    catch = [
        {"ErrorEquals": ["Other"], "Next": "Wrong"},
        {
            "ErrorEquals": ["SchoolUnavailable"],
            "Assign": {"problem": "{% $states.errorOutput.Error %}", "asked": "{% $states.input.question %}"},
            "Output": {"message": "{% $parse($states.errorOutput.Cause).errorMessage %}"},
            "Next": "Sorry",
        },
    ]
    states = {
        "Fetch": task("fetch", Catch=catch),
        "Wrong": {"Type": "Fail"},
        "Sorry": passing(
            {"problem": "{% $problem %}", "asked": "{% $asked %}", "message": "{% $states.input.message %}"}
        ),
    }
    execution = run(machine(states), {"question": NASTY}, failing(SchoolUnavailable(NASTY)))
    assert execution.output == {"problem": "SchoolUnavailable", "asked": NASTY, "message": NASTY}


def test_retry_repeats_up_to_max_attempts() -> None:
    retry = [
        {"ErrorEquals": ["SchoolUnavailable"], "IntervalSeconds": 1, "MaxAttempts": 2, "BackoffRate": 2},
    ]
    definition = machine({"Fetch": task("fetch", Retry=retry)})
    twice = run(definition, {}, failing(SchoolUnavailable(), times=2), pace=0)
    assert (twice.status, twice.output, twice.state("Fetch").attempts) == ("SUCCEEDED", {"calls": 3}, 3)
    ever = run(definition, {}, failing(SchoolUnavailable()), pace=0)
    assert (ever.status, ever.error, ever.state("Fetch").attempts) == ("FAILED", "SchoolUnavailable", 3)
    other = run(definition, {}, failing(ValueError()), pace=0)
    assert (other.error, other.state("Fetch").attempts) == ("ValueError", 1)


def test_retry_counts_per_visit_and_execution() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 1}]
    definition = machine({"One": task("fetch", Retry=retry, Next="Two"), "Two": task("fetch", Retry=retry)})
    calls: list[int] = []

    def every_other(name: str, payload: Any) -> Any:
        calls.append(1)
        if len(calls) % 2:
            raise SchoolUnavailable
        return len(calls)

    assert run(definition, {}, every_other, pace=0).output == 4
    assert run(definition, {}, every_other, pace=0).output == 8


def test_retry_intervals_grow_up_to_max_delay_with_jitter(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    monkeypatch.setattr(vars(retrier_decl)["time"], "sleep", pauses.append)
    retry = {"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "BackoffRate": 10, "MaxAttempts": 3}
    run(machine({"Fetch": task("fetch", Retry=[retry])}), {}, failing(SchoolUnavailable()))
    assert pauses == [1, 10, 100]
    pauses.clear()
    run(machine({"Fetch": task("fetch", Retry=[retry | {"MaxDelaySeconds": 2}])}), {}, failing(SchoolUnavailable()))
    assert pauses == [1, 2, 2]
    pauses.clear()
    jitter = retry | {"MaxDelaySeconds": 2, "JitterStrategy": "FULL"}
    run(machine({"Fetch": task("fetch", Retry=[jitter])}), {}, failing(SchoolUnavailable()))
    assert len(pauses) == 3
    assert all(0 <= pause <= most for pause, most in zip(pauses, [1, 2, 2], strict=True))
    assert pauses != [1, 2, 2]


def test_a_task_that_takes_too_long_can_be_caught() -> None:
    release = threading.Event()

    def hang(name: str, payload: Any) -> Any:
        return release.wait(60) if name == "hangs" else name

    catch = [{"ErrorEquals": ["States.Timeout"], "Next": "Sorry"}]
    states = {"Hangs": task("hangs", TimeoutSeconds=1, Catch=catch), "Sorry": task("sorry")}
    start = time.monotonic()
    execution = run(machine(states), {}, hang)
    assert time.monotonic() - start > 0.9
    release.set()
    assert (execution.status, execution.output) == ("SUCCEEDED", "sorry")
    assert execution.state("Hangs").error == "States.Timeout"


def test_a_timeout_inside_a_parallel_can_be_caught_by_the_parallel() -> None:
    release = threading.Event()

    def hang(name: str, payload: Any) -> Any:
        return release.wait(60) if name == "hangs" else name

    states = {
        "Both": {
            "Type": "Parallel",
            "Branches": [branch({"Hangs": task("hangs", TimeoutSeconds=1)}), branch({"Quick": task("quick")})],
            "Catch": [{"ErrorEquals": ["States.Timeout"], "Next": "Sorry"}],
            "End": True,
        },
        "Sorry": passing("sorry"),
    }
    execution = run(machine(states), {}, hang)
    release.set()
    assert (execution.status, execution.output) == ("SUCCEEDED", "sorry")
    assert execution.names[-1] == "Sorry"


def test_an_error_in_a_branch_ends_the_parallel_at_once() -> None:
    release, slow_began = threading.Event(), threading.Event()

    def one_fails(name: str, payload: Any) -> Any:
        if name == "fails":
            slow_began.wait(30)
            raise SchoolUnavailable
        slow_began.set()
        return release.wait(60)

    states = {
        "Both": {
            "Type": "Parallel",
            "Branches": [branch({"Fails": task("fails")}), branch({"Slow": task("slow")})],
            "Catch": [{"ErrorEquals": ["SchoolUnavailable"], "Next": "Sorry"}],
            "End": True,
        },
        "Sorry": passing("{% $states.input.Error %}"),
    }
    execution = run(machine(states), {}, one_fails)
    assert execution.output == "SchoolUnavailable"
    assert execution.state("Slow").stop is None  # it was not waited for
    release.set()


def test_the_whole_machine_has_a_timeout() -> None:
    release = threading.Event()
    execution = run(machine({"Hangs": task("hangs")}, TimeoutSeconds=1), {}, lambda name, payload: release.wait(60))
    release.set()
    assert (execution.status, execution.error) == ("TIMED_OUT", "States.Timeout")
    assert execution.sync_response()["status"] == "TIMED_OUT"


@pytest.mark.parametrize("size", [200_000, 270_000])
def test_state_is_limited_to_256_kib_and_nothing_catches_that(size: int) -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]
    states = {"Big": task("big", Catch=catch), "Sorry": passing("sorry")}
    execution = run(machine(states), {}, lambda name, payload: "x" * size)
    if size < 256 * 1024:
        assert execution.output == "x" * size
    else:
        assert (execution.status, execution.error) == ("FAILED", "States.DataLimitExceeded")


def test_states_all_catches_a_functions_error() -> None:
    catch = [{"ErrorEquals": ["States.ALL"], "Next": "Sorry"}]
    states = {"Fetch": task("fetch", Catch=catch), "Sorry": passing("sorry")}
    assert run(machine(states), {}, failing(SchoolUnavailable())).output == "sorry"


def test_the_context_names_the_execution() -> None:
    states = {
        "Look": passing(
            {
                "name": "{% $states.context.Execution.Name %}",
                "machine": "{% $states.context.StateMachine.Name %}",
                "state": "{% $states.context.State.Name %}",
                "input": "{% $states.context.Execution.Input.a %}",
                "started": "{% $toMillis($states.context.Execution.StartTime) %}",
                "entered": "{% $toMillis($states.context.State.EnteredTime) %}",
            }
        )
    }
    execution = run(machine(states), {"a": 1}, echo, name="n1")
    seen = execution.output
    assert (seen["name"], seen["machine"], seen["state"], seen["input"]) == ("n1", "conversation", "Look", 1)
    assert abs(seen["started"] - execution.start * 1000) < 5
    assert seen["started"] - 5 <= seen["entered"] <= time.time() * 1000 + 5


def test_a_result_that_is_not_json_fails_as_in_lambda() -> None:
    execution = run(machine({"Fetch": task("fetch")}), {}, lambda name, payload: {1, 2})
    assert (execution.status, execution.error) == ("FAILED", "TypeError")


def test_the_answer_is_that_of_start_sync_execution() -> None:
    good = run(machine({"Fetch": task("fetch")}), [1], echo, name="good").sync_response()
    assert good["status"] == "SUCCEEDED"
    assert good["name"] == "good"
    assert json.loads(good["input"]) == [1]
    assert json.loads(good["output"])["payload"] == [1]
    assert good["executionArn"].startswith("arn:aws:states:eu-west-1:123456789012:express:conversation:good:")
    assert good["startDate"] <= good["stopDate"]
    assert not {"error", "cause"} & set(good)
    bad = run(machine({"Fetch": task("fetch")}), [1], failing(SchoolUnavailable())).sync_response()
    assert (bad["status"], bad["error"]) == ("FAILED", "SchoolUnavailable")
    assert "output" not in bad


def test_parallel_executions_do_not_mix() -> None:
    retry = [{"ErrorEquals": ["States.ALL"], "IntervalSeconds": 1, "MaxAttempts": 2}]
    both = [branch({"A": task("a", Retry=retry)}), branch({"B": passing("{% $mine %}")})]
    states = {
        "Set": passing("{% $states.input %}", Assign={"mine": "{% $states.input.n %}"}, Next="Both"),
        "Both": {"Type": "Parallel", "Branches": both, "Next": "Check"},
        "Check": passing({"mine": "{% $mine %}", "both": "{% $states.input %}"}),
    }
    definition = machine(states)
    failed: set[int] = set()

    def fails_once(name: str, payload: Any) -> Any:
        if payload["n"] not in failed:
            failed.add(payload["n"])
            raise SchoolUnavailable
        return payload["n"]

    def one(number: int) -> Execution:
        return run(definition, {"n": number}, fails_once, pace=0)

    with ThreadPoolExecutor(20) as threads:
        executions = list(threads.map(one, range(100)))
    assert [execution.output for execution in executions] == [{"mine": n, "both": [n, n]} for n in range(100)]


# --- messages ---------------------------------------------------------------------------------------------------------


def sending(body: Any, **fields: Any) -> dict[str, Any]:
    return {
        "Type": "Task",
        "Resource": "arn:aws:states:::sqs:sendMessage",
        "Arguments": {"QueueUrl": "http://localhost/1/q.fifo", "MessageBody": body, "MessageGroupId": "g"},
        **fields,
    }


def test_a_message_is_sent_with_its_arguments_and_an_object_as_json() -> None:
    sent: list[dict[str, Any]] = []

    def send_message(arguments: dict[str, Any]) -> dict[str, Any]:
        sent.append(arguments)
        return {"MessageId": "m-1", "SequenceNumber": "7"}

    definition = machine({"Send": sending({"amount": "{% $states.input %}"}, Output="{% $states.result %}", End=True)})
    execution = run(definition, "1.00", echo, send_message=send_message)
    assert execution.output == {"MessageId": "m-1", "SequenceNumber": "7"}
    assert sent == [
        {"QueueUrl": "http://localhost/1/q.fifo", "MessageBody": '{"amount":"1.00"}', "MessageGroupId": "g"}
    ]


def test_a_message_that_cannot_be_sent_can_be_caught() -> None:
    caught = {"ErrorEquals": ["SQS.SdkClientException"], "Next": "Caught"}
    states = {"Send": sending("x", Catch=[caught], Next="Sent"), "Sent": passing(1), "Caught": passing(2)}
    execution = run(machine(states), {}, echo)  # without any queue
    assert (execution.status, execution.output) == ("SUCCEEDED", 2)
    assert execution.state("Send").error == "SQS.SdkClientException"
