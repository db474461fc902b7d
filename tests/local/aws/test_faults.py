"""Secrets Manager and S3 are as slow and fail as the simulated world says."""

import json
import time

import pytest
from botocore.exceptions import ClientError

from local.plan import BUCKET
from tests.conftest import eventually
from tests.local.aws.conftest import RunningAccount


def test_delays_and_faults_of_the_world_apply_and_calls_are_recorded(account: RunningAccount) -> None:
    secrets, s3 = account.client("secretsmanager"), account.client("s3")
    time.sleep(1.05)  # the profile is kept for a second
    account.world.profile = {"secrets_seconds": 0.3, "s3_put_seconds": 0.4}
    start = time.monotonic()
    secrets.get_secret_value(SecretId="school/local/whatsapp-app-secret")
    assert time.monotonic() - start > 0.29
    start = time.monotonic()
    s3.put_object(Bucket=BUCKET, Key="k", Body=b"x" * 20_000)
    assert time.monotonic() - start > 0.39
    s3.get_object(Bucket=BUCKET, Key="k")["Body"].read()
    account.world.faults = {
        "s3.put": {"kind": "status", "status": 503},
        "secrets.get": {"kind": "status", "status": 500},
    }
    with pytest.raises(ClientError):
        s3.put_object(Bucket=BUCKET, Key="k", Body=b"y")
    with pytest.raises(ClientError):
        secrets.get_secret_value(SecretId="school/local/whatsapp-app-secret")
    account.world.faults, account.world.profile = {}, {}
    assert s3.get_object(Bucket=BUCKET, Key="k")["Body"].read() == b"x" * 20_000
    told = eventually(lambda: len(account.world.recorded) >= 6 and account.world.recorded)
    assert {(call["service"], call["operation"]) for call in told} == {("secrets", "get"), ("s3", "put"), ("s3", "get")}
    assert {call["status"] for call in told} == {200, 500, 503}


@pytest.mark.parametrize(("fault", "is_taken"), [({"kind": "status", "status": 503}, False), ({"kind": "lost"}, True)])
def test_a_queue_refuses_a_message_or_takes_it_and_says_otherwise(
    account: RunningAccount, fault: dict[str, object], is_taken: bool
) -> None:
    sqs, url, name = account.client("sqs"), account.plan.queue_url("messages.fifo"), str(fault["kind"])
    account.functions.calls.clear()
    account.world.faults = {"sqs.send": fault}
    entry = {"Id": "0", "MessageBody": json.dumps({"id": name}), "MessageGroupId": "g", "MessageDeduplicationId": name}

    def is_refused() -> bool:
        """The fault is noticed within a second."""
        try:
            sqs.send_message_batch(QueueUrl=url, Entries=[entry | {"MessageDeduplicationId": f"{name} {time.time()}"}])
        except ClientError:
            return True
        return False

    eventually(is_refused)
    account.functions.calls.clear()
    with pytest.raises(ClientError):
        sqs.send_message_batch(QueueUrl=url, Entries=[entry])
    account.world.faults = {}
    if is_taken:
        assert eventually(lambda: {"id": name} in account.functions.of("understand"))
    else:
        account.send("after", "after")
        assert eventually(lambda: {"id": "after"} in account.functions.of("understand"))
        assert {"id": name} not in account.functions.of("understand")
