"""The queues of the catalog and their dead letters."""

import json

import pytest
from moto.sqs.models import sqs_backends

from infra.catalog import EVENT_RECEIVES, MESSAGE_RECEIVES
from tests.conftest import eventually
from tests.local.aws.conftest import RunningAccount


@pytest.mark.parametrize(("queue", "visibility"), [("messages", "180"), ("payments", "120")])
def test_each_fifo_queue_has_the_attributes_that_are_deployed(
    account: RunningAccount, queue: str, visibility: str
) -> None:
    url = account.plan.queue_url(f"{queue}.fifo")
    found = account.client("sqs").get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    assert found["FifoQueue"] == "true"
    assert found["DeduplicationScope"] == "messageGroup"
    assert found["FifoThroughputLimit"] == "perMessageGroupId"
    assert found["VisibilityTimeout"] == visibility
    assert json.loads(found["RedrivePolicy"]) == {
        "deadLetterTargetArn": f"arn:aws:sqs:eu-west-1:123456789012:{queue}-dead.fifo",
        "maxReceiveCount": MESSAGE_RECEIVES,
    }


def test_events_are_delivered_as_often_as_on_aws(account: RunningAccount) -> None:
    found = account.client("sqs").get_queue_attributes(
        QueueUrl=account.plan.queue_url("events"), AttributeNames=["RedrivePolicy"]
    )
    assert json.loads(found["Attributes"]["RedrivePolicy"])["maxReceiveCount"] == EVENT_RECEIVES


def test_every_queue_has_a_queue_for_its_dead_letters(account: RunningAccount) -> None:
    names = ("messages.fifo", "messages-dead.fifo", "payments.fifo", "payments-dead.fifo", "events", "events-dead")
    assert set(account.page("/queues")) == set(names)


def test_a_message_that_failed_too_often_is_a_dead_letter_until_a_redrive(account: RunningAccount) -> None:
    account.functions.errors["understand"] = {"errorType": "Broken", "errorMessage": ""}
    account.send("dead", "dead")
    eventually(lambda: account.executions("dead"))
    queue = sqs_backends["123456789012"]["eu-west-1"].queues["messages.fifo"]
    with queue._messages_lock:
        for message in queue._messages:
            message.approximate_receive_count = MESSAGE_RECEIVES
    eventually(lambda: account.page("/queues")["messages-dead.fifo"]["visible"] == 1)
    account.functions.errors.clear()
    assert account.page("/redrive", "POST") == {"moved": 1}
    eventually(lambda: [e for e in account.executions("dead") if e["status"] == "SUCCEEDED"])
    assert account.page("/queues")["messages-dead.fifo"] == {"visible": 0, "in_flight": 0}


def test_after_five_minutes_a_message_that_is_sent_again_is_a_new_one(account: RunningAccount) -> None:
    account.send("repeated", "repeated")
    eventually(lambda: account.executions("repeated"))
    account.send("repeated", "repeated")
    account.page("/queues/forget-duplicates", "POST")
    account.send("repeated", "repeated")
    assert eventually(lambda: len(account.executions("repeated")) == 2)
