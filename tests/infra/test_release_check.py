"""The check of a release: what stops it, and that nothing is checked while CloudFormation goes back."""

import io
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from functions.domain.deployment import RELEASE_CHECK, WAKE_UP
from functions.domain.messages import Message
from infra.custom_resources import release_check

VERSIONS = [f"arn:aws:lambda:eu-west-1:1:function:school-prod-{name}:4" for name in ("understand", "send-reply")]
ANSWERED = {"sent": "sent", "problem": None, "failure": None}
PROPERTIES: dict[str, dict[str, Any]] = {
    "functions": {"Versions": VERSIONS},
    "conversation": {"Machine": "arn:trial", "Sender": RELEASE_CHECK},
    "watch": {"Seconds": "30", "Alarms": ["school-prod-functions-errors"]},
}


class Aws:
    """All clients in one."""

    def __init__(self) -> None:
        self.status = "UPDATE_IN_PROGRESS"
        self.broken: dict[str, str] = {}  # version -> type of its error
        self.invoked: list[str] = []
        self.outcomes: list[dict[str, Any]] = []
        self.messages: list[Any] = []
        self.alarms: list[dict[str, Any]] = []

    def client(self, service: str, **_: Any) -> "Aws":
        return self

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": self.status}]}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert json.loads(Payload) == {WAKE_UP: True}
        self.invoked.append(FunctionName)
        error = self.broken.get(FunctionName)
        body = io.BytesIO(json.dumps({"errorType": error, "errorMessage": "secret"} if error else {}).encode())
        failed: dict[str, Any] = {"FunctionError": "Unhandled"} if error else {}
        return {"Payload": body, **failed}

    def start_sync_execution(self, *, stateMachineArn: str, input: str) -> dict[str, Any]:  # noqa: N803
        assert stateMachineArn == "arn:trial"
        (message,) = json.loads(input)
        self.messages.append(message)
        outcome: dict[str, Any] = self.outcomes.pop(0) if self.outcomes else {}
        return {"status": "SUCCEEDED", "output": json.dumps(ANSWERED), "executionArn": "arn:run", **outcome}

    def describe_alarms(self, *, AlarmNames: list[str], StateValue: str) -> dict[str, Any]:  # noqa: N803
        assert (AlarmNames, StateValue) == (["school-prod-functions-errors"], "ALARM")
        return {"MetricAlarms": self.alarms}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    fake = Aws()
    monkeypatch.setattr("boto3.client", fake.client)
    clock = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: clock[0])
    monkeypatch.setattr("time.sleep", lambda seconds: clock.__setitem__(0, clock[0] + seconds))
    return fake


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    def urlopen(request: Any, timeout: int) -> io.BytesIO:
        sent.append(json.loads(request.data))
        return io.BytesIO()

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return sent


def check(kind: str, request: str = "Update") -> None:
    event = {
        "RequestType": request,
        "ResponseURL": "https://cloudformation.example/answer",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": kind,
        "ResourceProperties": {"Check": kind, **PROPERTIES[kind]},
    }
    release_check.handler(event, None)


def test_every_new_version_is_started(aws: Aws, answers: list[dict[str, Any]]) -> None:
    check("functions")
    assert sorted(aws.invoked) == sorted(VERSIONS)
    assert answers[0]["Status"] == "SUCCESS"


def test_a_function_that_does_not_start_stops_the_release(aws: Aws, answers: list[dict[str, Any]]) -> None:
    aws.broken = {VERSIONS[1]: "Runtime.ImportModuleError"}
    check("functions")
    assert answers[0]["Status"] == "FAILED"
    assert "school-prod-send-reply (Runtime.ImportModuleError)" in answers[0]["Reason"]
    assert "secret" not in answers[0]["Reason"]


def test_a_message_of_nobody_is_answered(aws: Aws, answers: list[dict[str, Any]]) -> None:
    check("conversation")
    assert answers[0]["Status"] == "SUCCESS"
    message = Message.read(aws.messages[0])
    assert (message.sender, message.text, message.needs_answer) == (RELEASE_CHECK, "menu", True)


@pytest.mark.parametrize(
    ("outcome", "named"),
    [
        ({"status": "FAILED", "error": "Not answered"}, "FAILED (Not answered)"),
        ({"output": json.dumps(ANSWERED | {"failure": "Understand failed: KeyError"})}, "Understand failed: KeyError"),
        ({"output": json.dumps(ANSWERED | {"problem": "unexpected"})}, "unexpected"),
        ({"output": json.dumps(ANSWERED | {"sent": None})}, "nothing was sent"),
    ],
)
def test_a_message_that_is_not_answered_stops_the_release(
    aws: Aws, answers: list[dict[str, Any]], outcome: dict[str, Any], named: str
) -> None:
    aws.outcomes = [outcome] * release_check.TRIES
    check("conversation")
    assert answers[0]["Status"] == "FAILED"
    assert named in answers[0]["Reason"]
    assert "arn:run" in answers[0]["Reason"]
    assert len({message["id"] for message in aws.messages}) == release_check.TRIES


def test_a_store_that_was_busy_once_stops_nothing(aws: Aws, answers: list[dict[str, Any]]) -> None:
    aws.outcomes = [{"status": "FAILED"}]
    check("conversation")
    assert (answers[0]["Status"], len(aws.messages)) == ("SUCCESS", 2)


@pytest.mark.parametrize(("began", "status"), [(timedelta(seconds=5), "FAILED"), (-timedelta(hours=1), "SUCCESS")])
def test_an_alarm_that_begins_after_the_release_takes_it_back(
    aws: Aws, answers: list[dict[str, Any]], began: timedelta, status: str
) -> None:
    moment = datetime.now(UTC) + began
    aws.alarms = [{"AlarmName": "school-prod-functions-errors", "StateTransitionedTimestamp": moment}]
    check("watch")
    assert answers[0]["Status"] == status
    assert ("school-prod-functions-errors" in answers[0]["Reason"]) == (status == "FAILED")


@pytest.mark.parametrize("kind", PROPERTIES)
def test_nothing_is_checked_while_cloudformation_goes_back(aws: Aws, answers: list[dict[str, Any]], kind: str) -> None:
    aws.status = "UPDATE_ROLLBACK_IN_PROGRESS"
    aws.broken = dict.fromkeys(VERSIONS, "Boom")
    check(kind)
    assert not aws.invoked
    assert not aws.messages
    assert answers[0]["Status"] == "SUCCESS"


def test_at_the_first_deployment_functions_are_started_and_no_more(aws: Aws, answers: list[dict[str, Any]]) -> None:
    """No secret has a value yet, and there is no release to go back to."""
    for kind in PROPERTIES:
        check(kind, "Create")
    assert len(aws.invoked) == len(VERSIONS)
    assert not aws.messages
    assert [answer["Status"] for answer in answers] == ["SUCCESS"] * 3


def test_nothing_is_done_when_the_stack_goes(aws: Aws, answers: list[dict[str, Any]]) -> None:
    check("functions", "Delete")
    assert not aws.invoked
    assert answers[0]["Status"] == "SUCCESS"
