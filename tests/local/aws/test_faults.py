"""Secrets Manager and S3 are as slow and fail as the simulated world says."""

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
