"""The pages, and StartSyncExecution."""

import json
import urllib.error

import pytest

from tests.conftest import eventually
from tests.local.aws.conftest import RunningAccount


def test_it_is_ready(account: RunningAccount) -> None:
    assert account.page("/ready") == {"ready": True}


def test_an_unknown_execution_is_not_found(account: RunningAccount) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404"):
        account.page("/executions/none")


def test_start_sync_execution_answers_at_the_end_of_the_execution(account: RunningAccount) -> None:
    states = account.client("stepfunctions")
    arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:conversation"
    records = json.dumps([{"body": '{"id": "by hand"}'}])
    answer = states.start_sync_execution(stateMachineArn=arn, input=records, name="by-hand")
    assert (answer["status"], json.loads(answer["output"])) == ("SUCCEEDED", {"id": "by hand"})
    assert answer["startDate"] <= answer["stopDate"]
    account.functions.errors["understand"] = {"errorType": "Broken", "errorMessage": "x"}
    answer = states.start_sync_execution(stateMachineArn=arn, input=records)
    assert (answer["status"], answer["error"]) == ("FAILED", "Broken")
    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    with pytest.raises(states.exceptions.StateMachineDoesNotExist):
        states.start_sync_execution(stateMachineArn=arn + "x", input="{}")


def test_a_stopped_pipe_leaves_messages_in_its_queue(account: RunningAccount) -> None:
    assert account.page("/pipes/conversation/stop", "POST") == {"stopped": True}
    try:
        account.send("later", "later")
        account.send("now", "now", queue="payments.fifo")
        eventually(lambda: account.executions("now"))
        assert account.executions("later") == []
    finally:
        assert account.page("/pipes/conversation/start", "POST") == {"stopped": False}
    eventually(lambda: [e for e in account.executions("later") if e["status"] == "SUCCEEDED"])


def test_a_machine_without_a_pipe_is_named(account: RunningAccount) -> None:
    with pytest.raises(urllib.error.HTTPError, match="404") as caught:
        account.page("/pipes/student_sync/stop", "POST")
    assert json.load(caught.value)["message"] == "no pipe starts student_sync; there are: conversation, payment"
