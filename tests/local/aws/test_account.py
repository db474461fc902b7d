"""Messages start executions, in order and until they succeed; events reach their function in batches."""

import json
import threading
import time
from functools import partial
from itertools import pairwise
from typing import Any

import pytest

from local.plan import BUCKET
from tests.conftest import eventually
from tests.local.aws.conftest import RunningAccount


def test_a_message_starts_an_execution_with_the_record_that_aws_sends(account: RunningAccount) -> None:
    before = time.time()
    account.send("wamid.1", "+263771", text='a "quote"')
    execution = eventually(lambda: [e for e in account.executions("wamid.1") if e["status"] == "SUCCEEDED"])[0]
    assert account.functions.of("understand") == [{"id": "wamid.1", "text": 'a "quote"'}]
    assert [state["name"] for state in execution["timeline"]] == ["Unwrap", "Understand", "Send reply"]
    assert all(state["ok"] and state["start"] <= state["stop"] for state in execution["timeline"])
    assert before - 0.01 <= execution["sent"] <= execution["start"] <= execution["stop"]
    details = account.page(f"/executions/{execution['name']}")
    assert details["output"] == {"id": "wamid.1", "text": 'a "quote"'}
    (record,) = details["input"]
    assert record["eventSource"] == "aws:sqs"
    assert record["eventSourceARN"] == "arn:aws:sqs:eu-west-1:123456789012:messages.fifo"
    assert record["awsRegion"] == "eu-west-1"
    assert set(record) == {
        *("messageId", "receiptHandle", "body", "attributes", "messageAttributes", "md5OfBody"),
        *("eventSource", "eventSourceARN", "awsRegion"),
    }
    assert record["attributes"]["MessageGroupId"] == "+263771"
    assert record["attributes"]["MessageDeduplicationId"] == "wamid.1"
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert int(record["attributes"]["SentTimestamp"]) / 1000 == execution["sent"]
    assert eventually(lambda: account.page("/queues")["messages.fifo"] == {"visible": 0, "in_flight": 0})


def test_messages_of_one_group_run_in_order_and_groups_run_in_parallel(account: RunningAccount) -> None:
    all_parents = threading.Barrier(8)

    def understand(payload: Any) -> Any:
        if payload["id"].startswith("first"):
            all_parents.wait(30)
        return payload

    account.functions.handlers["understand"] = understand
    account.send("first.a", "a")
    account.send("second.a", "a")
    for group in "bcdefgh":
        account.send(f"first.{group}", group)
    eventually(lambda: len(account.functions.of("send_reply")) == 9)
    order = [payload["id"] for payload in account.functions.of("understand")]
    assert order.index("second.a") == 8
    first, second = account.executions("first.a")[0], account.executions("second.a")[0]
    assert second["start"] >= first["stop"]


def test_a_message_sent_twice_is_one_execution(account: RunningAccount) -> None:
    account.send("twice")
    eventually(lambda: account.functions.of("send_reply"))
    account.send("twice")
    time.sleep(0.3)
    assert len(account.executions("twice")) == 1


def test_a_failed_execution_is_repeated_until_it_succeeds(account: RunningAccount) -> None:
    account.functions.errors["send_reply"] = {"errorType": "WhatsAppUnavailable", "errorMessage": "503"}
    account.send("again", "again")
    failed = eventually(lambda: [e for e in account.executions("again") if e["status"] == "FAILED"])[0]
    assert failed["error"] == "WhatsAppUnavailable"
    assert json.loads(failed["cause"])["errorMessage"] == "503"
    assert failed["timeline"][-1]["error"] == "WhatsAppUnavailable"
    assert eventually(lambda: account.page("/queues")["messages.fifo"]["in_flight"] == 1)
    account.functions.errors.clear()
    eventually(lambda: [e for e in account.executions("again") if e["status"] == "SUCCEEDED"])
    tries = account.executions("again")
    assert [item["receive_count"] for item in tries] == list(range(1, len(tries) + 1))
    assert all(after["start"] - before["stop"] > 0.9 for before, after in pairwise(tries))


def test_a_throttled_function_fails_the_execution(account: RunningAccount) -> None:
    account.functions.refusals["understand"] = 429
    account.send("refused", "refused")
    failed = eventually(lambda: [e for e in account.executions("refused") if e["status"] == "FAILED"])[0]
    assert failed["error"] == "Lambda.TooManyRequestsException"
    account.functions.refusals.clear()
    eventually(lambda: [e for e in account.executions("refused") if e["status"] == "SUCCEEDED"])


def test_events_arrive_in_batches_and_only_failed_ones_are_delivered_again(account: RunningAccount) -> None:
    seen: list[str] = []

    def record_delivery(event: Any) -> Any:
        bodies = [record["body"] for record in event["Records"]]
        fresh = [record["messageId"] for record in event["Records"] if record["body"] == "3" and "3" not in seen]
        seen.extend(bodies)
        return {"batchItemFailures": [{"itemIdentifier": item} for item in fresh]}

    account.functions.handlers["record_delivery"] = record_delivery
    entries = [{"Id": str(number), "MessageBody": str(number)} for number in range(10)]
    account.client("sqs").send_message_batch(QueueUrl=account.plan.queue_url("events"), Entries=entries)
    eventually(lambda: len(seen) >= 10)
    eventually(lambda: len(seen) == 11)
    assert sorted(seen) == sorted([*map(str, range(10)), "3"])
    assert max(len(event["Records"]) for event in account.functions.of("record_delivery")) > 1
    eventually(lambda: account.page("/queues")["events"] == {"visible": 0, "in_flight": 0})


def test_a_standard_machine_is_started_by_start_execution_and_recorded(account: RunningAccount) -> None:
    states = account.client("stepfunctions")
    arn = "arn:aws:states:eu-west-1:123456789012:stateMachine:student_sync"
    started = [states.start_execution(stateMachineArn=arn, input='{"page": 1}')["executionArn"] for _ in range(2)]
    assert started[0] != started[1]
    for execution in started:
        done = eventually(partial(finished, states, execution))
        assert (done["status"], json.loads(done["output"])) == ("SUCCEEDED", {"page": 1})
    (latest, *_) = account.page("/executions")
    assert (latest["machine"], latest["status"]) == ("student_sync", "SUCCEEDED")
    assert [state["name"] for state in latest["timeline"]] == ["Page"]


def test_the_account_has_the_secrets_and_the_bucket(account: RunningAccount) -> None:
    secrets, s3 = account.client("secretsmanager"), account.client("s3")
    for name, value in account.plan.secret_values.items():
        assert secrets.get_secret_value(SecretId=name)["SecretString"] == value
    s3.put_object(Bucket=BUCKET, Key="passes/a b.pdf", Body=b"%PDF" * 5000, ContentType="application/pdf")
    found = s3.get_object(Bucket=BUCKET, Key="passes/a b.pdf")
    assert (found["Body"].read(), found["ContentType"]) == (b"%PDF" * 5000, "application/pdf")
    with pytest.raises(s3.exceptions.NoSuchKey):
        s3.get_object(Bucket=BUCKET, Key="passes/none.pdf")


def succeeded(account: RunningAccount, message_id: str) -> list[dict[str, Any]]:
    return [item for item in account.executions(message_id) if item["status"] == "SUCCEEDED"]


def finished(states: Any, arn: str) -> Any:
    found = states.describe_execution(executionArn=arn)
    return found["status"] != "RUNNING" and found


def test_each_machine_with_a_queue_is_started_by_its_messages(account: RunningAccount) -> None:
    account.send("paid", queue="payments.fifo")
    account.send("hello")
    for machine, message_id in (("payment", "paid"), ("conversation", "hello")):
        (execution,) = eventually(partial(succeeded, account, message_id))
        assert execution["machine"] == machine


def test_a_failed_execution_of_one_machine_does_not_hold_up_another(account: RunningAccount) -> None:
    account.functions.errors["prepare_receipts"] = {"errorType": "Broken", "errorMessage": ""}
    account.send("unpaid", "family", queue="payments.fifo")
    eventually(lambda: account.executions("unpaid"))
    account.send("meanwhile", "family")
    eventually(lambda: [e for e in account.executions("meanwhile") if e["status"] == "SUCCEEDED"])
    account.functions.errors.clear()
    eventually(lambda: [e for e in account.executions("unpaid") if e["status"] == "SUCCEEDED"])


def test_a_state_machine_can_send_a_message_to_a_queue(account: RunningAccount) -> None:
    account.send("order-1", queue="payments.fifo")
    (execution,) = eventually(lambda: [e for e in account.executions("order-1") if e["status"] == "SUCCEEDED"])
    assert int(account.page(f"/executions/{execution['name']}")["output"]) > 0
    (started,) = eventually(lambda: account.executions("from order-1"))
    assert started["machine"] == "conversation"
    assert account.functions.of("understand") == [{"id": "from order-1"}]
