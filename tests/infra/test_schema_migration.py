"""The hand-over of the master password at deploy: to `migrate`, and nowhere else."""

import io
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.custom_resources import schema_migration

PASSWORD = "correct horse battery staple"
EVENT = {
    "RequestType": "Create",
    "ResponseURL": "https://cloudformation.example/answer",
    "StackId": "stack",
    "RequestId": "request",
    "LogicalResourceId": "Schema",
    "ResourceProperties": {"Migrate": "arn:migrate:live", "MasterSecret": "arn:secret", "Migrations": "3"},
}


class Aws:
    """Secrets Manager with the master secret, and Lambda with a `migrate` that answers what it is told to."""

    def __init__(self) -> None:
        self.invocations: list[dict[str, Any]] = []
        self.errors: list[str] = []

    def client(self, service: str, **options: Any) -> "Aws":
        return self

    def get_secret_value(self, *, SecretId: str) -> dict[str, str]:  # noqa: N803 - AWS's name
        assert SecretId == "arn:secret"
        return {"SecretString": json.dumps({"username": "postgres", "password": PASSWORD, "host": "db"})}

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803 - AWS's names
        assert FunctionName == "arn:migrate:live"
        self.invocations.append(json.loads(Payload))
        if self.errors:
            failure = {"errorType": self.errors.pop(0), "errorMessage": f"refused {PASSWORD}"}
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(json.dumps(failure).encode())}
        return {"Payload": io.BytesIO(b'{"revision": "0003"}')}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> Aws:
    fake = Aws()
    monkeypatch.setattr("boto3.client", fake.client)
    monkeypatch.setattr("time.sleep", lambda seconds: None)
    return fake


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    sent: list[dict[str, Any]] = []

    def urlopen(request: Any, timeout: int) -> io.BytesIO:
        assert (request.full_url, request.get_method()) == (EVENT["ResponseURL"], "PUT")
        sent.append(json.loads(request.data))
        return io.BytesIO()

    monkeypatch.setattr("urllib.request.urlopen", urlopen)
    return sent


def test_migrate_gets_the_master_user(aws: Aws, answers: list[dict[str, Any]]) -> None:
    schema_migration.handler(EVENT, None)
    assert aws.invocations == [{"master_username": "postgres", "master_password": PASSWORD}]
    assert [answer["Status"] for answer in answers] == ["SUCCESS"]


def test_a_database_that_does_not_answer_yet_is_asked_again(aws: Aws, answers: list[dict[str, Any]]) -> None:
    aws.errors = ["DataUnavailable"]
    schema_migration.handler(EVENT, None)
    assert len(aws.invocations) == 2
    assert answers[0]["Status"] == "SUCCESS"


def test_a_failure_is_told_by_its_type_alone(
    aws: Aws, answers: list[dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    aws.errors = ["ProgrammingError"] * schema_migration.TRIES
    schema_migration.handler(EVENT, None)
    assert answers[0]["Status"] == "FAILED"
    assert "ProgrammingError" in answers[0]["Reason"]
    assert PASSWORD not in json.dumps(answers)
    assert capsys.readouterr() == ("", "")


def test_an_unreadable_secret_is_told_without_its_content(
    aws: Aws, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(aws, "get_secret_value", lambda SecretId: {"SecretString": PASSWORD})  # noqa: N803
    schema_migration.handler(EVENT, None)
    assert answers[0]["Status"] == "FAILED"
    assert PASSWORD not in json.dumps(answers)


def test_nothing_is_done_when_the_stack_goes(aws: Aws, answers: list[dict[str, Any]]) -> None:
    schema_migration.handler(EVENT | {"RequestType": "Delete", "PhysicalResourceId": "schema"}, None)
    assert not aws.invocations
    assert answers[0]["Status"] == "SUCCESS"


@pytest.mark.parametrize(("before", "runs"), [("2", 1), ("3", 1), ("4", 0)])
def test_going_back_to_an_older_release_leaves_the_schema(
    aws: Aws, answers: list[dict[str, Any]], before: str, runs: int
) -> None:
    older = EVENT | {"RequestType": "Update", "OldResourceProperties": {"Migrations": before}}
    schema_migration.handler(older, None)
    assert len(aws.invocations) == runs
    assert answers[0]["Status"] == "SUCCESS"


def test_the_answer_is_what_cloudformation_waits_for(aws: Aws, answers: list[dict[str, Any]]) -> None:
    schema_migration.handler(EVENT, None)
    assert answers[0] == {
        "Status": "SUCCESS",
        "Reason": "",
        "PhysicalResourceId": "schema",
        "StackId": "stack",
        "RequestId": "request",
        "LogicalResourceId": "Schema",
    }


def refusal(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": f"refused {PASSWORD}"}}, "Invoke")


@pytest.mark.parametrize("code", ["AccessDeniedException", "ResourceConflictException", "TooManyRequestsException"])
@pytest.mark.parametrize("call", ["get_secret_value", "invoke"])
def test_what_aws_will_soon_allow_is_tried_again(
    aws: Aws, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch, call: str, code: str
) -> None:
    refusals, allowed = [refusal(code)] * 8, getattr(aws, call)

    def refuse_at_first(**arguments: Any) -> Any:
        if refusals:
            raise refusals.pop()
        return allowed(**arguments)

    monkeypatch.setattr(aws, call, refuse_at_first)
    schema_migration.handler(EVENT, None)
    assert answers[0]["Status"] == "SUCCESS"
    assert len(aws.invocations) == 1


def test_what_stays_refused_is_told_by_its_code_within_the_time_of_the_function(
    aws: Aws, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)

    def refuse(**_: Any) -> Any:
        raise refusal("AccessDeniedException")

    monkeypatch.setattr(aws, "get_secret_value", refuse)
    schema_migration.handler(EVENT, None)
    assert (answers[0]["Status"], sum(waited)) == ("FAILED", 60)
    assert "AccessDeniedException" in answers[0]["Reason"]
    assert PASSWORD not in json.dumps(answers)


def test_a_mistake_is_not_tried_again(aws: Aws, answers: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[object] = []

    def refuse(**arguments: Any) -> Any:
        calls.append(arguments)
        raise refusal("ResourceNotFoundException")

    monkeypatch.setattr(aws, "get_secret_value", refuse)
    schema_migration.handler(EVENT, None)
    assert len(calls) == 1
    assert answers[0]["Status"] == "FAILED"
