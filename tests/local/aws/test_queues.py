"""The queues of the catalog and their dead letters."""

import json

import pytest
from moto.sqs.models import sqs_backends

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
        "maxReceiveCount": 20,
    }


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
            message.approximate_receive_count = 20
    eventually(lambda: account.page("/queues")["messages-dead.fifo"]["visible"] == 1)
    account.functions.errors.clear()
    assert account.page("/redrive", "POST") == {"moved": 1}
    eventually(lambda: [e for e in account.executions("dead") if e["status"] == "SUCCEEDED"])
    assert account.page("/queues")["messages-dead.fifo"] == {"visible": 0, "in_flight": 0}
