"""Secrets are fetched once in a while, side by side, and outlive a failing Secrets Manager."""

import threading
import time

import pytest

from functions.adapters import aws as signing
from functions.adapters import secret_store
from functions.adapters.aws import AwsError
from local.plan import Plan
from tests.conftest import Aws

APP, ACCESS = "school/local/whatsapp-app-secret", "school/local/whatsapp-access-token"


@pytest.fixture
def fetched(aws: Aws, environment: pytest.MonkeyPatch) -> list[object]:
    """The names that Secrets Manager was asked for."""
    asked: list[object] = []
    original = signing.call_json

    def call_json(*arguments: object) -> dict[str, object]:
        asked.append(arguments[-1]["SecretId"])  # type: ignore[index]
        return original(*arguments)  # type: ignore[arg-type]

    environment.setattr(signing, "call_json", call_json)
    return asked


def grow_old(name: str, seconds: float) -> None:
    moment, value = secret_store._kept[name]
    secret_store._kept[name] = (moment - seconds, value)


def change(aws: Aws, value: str) -> None:
    aws.secrets.put_secret_value(SecretId=APP, SecretString=value)


def test_a_secret_is_kept_and_refreshed_after_its_life(plan: Plan, aws: Aws, fetched: list[object]) -> None:
    assert [secret_store.secret(APP) for _ in range(3)] == [plan.app_secret] * 3
    change(aws, "rotated")
    grow_old(APP, secret_store.LIFE - 5)
    assert secret_store.secret(APP) == plan.app_secret
    assert fetched == [APP]
    grow_old(APP, 10)
    assert secret_store.secret(APP) == "rotated"
    assert fetched == [APP, APP]


def test_an_old_value_outlives_a_failing_secrets_manager(plan: Plan, aws: Aws, environment: pytest.MonkeyPatch) -> None:
    secret_store.secret(APP)
    grow_old(APP, secret_store.LIFE + 1)
    environment.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    assert secret_store.secret(APP) == plan.app_secret


def test_one_that_was_never_had_raises(aws: Aws) -> None:
    with pytest.raises(AwsError) as missing:
        secret_store.secret("school/local/nothing")
    assert missing.value.code == "ResourceNotFoundException"


def test_a_forgotten_one_is_fetched_anew(aws: Aws, fetched: list[object]) -> None:
    secret_store.secret(APP)
    change(aws, "rotated")
    secret_store.forget(APP)
    secret_store.forget("never heard of")
    assert secret_store.secret(APP) == "rotated"
    assert fetched == [APP, APP]


def test_a_forgotten_one_is_better_than_none(plan: Plan, aws: Aws, environment: pytest.MonkeyPatch) -> None:
    secret_store.secret(APP)
    secret_store.forget(APP)
    environment.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    assert secret_store.secret(APP) == plan.app_secret


def test_two_are_fetched_side_by_side_and_only_when_missing(
    plan: Plan, aws: Aws, fetched: list[object], environment: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2, timeout=5)  # breaks unless both are under way at once
    original = secret_store.secret

    def meet(name: str) -> str:
        together.wait()
        return original(name)

    environment.setattr(secret_store, "secret", meet)
    secret_store.fetch_together(APP, ACCESS)
    environment.setattr(secret_store, "secret", original)
    assert sorted(map(str, fetched)) == sorted([APP, ACCESS])
    secret_store.fetch_together(APP, ACCESS)
    assert len(fetched) == 2
    assert secret_store.secret(ACCESS) == plan.access_token


def test_one_missing_secret_does_not_keep_the_other_away(plan: Plan, aws: Aws) -> None:
    secret_store.fetch_together(APP, "school/local/nothing")
    assert secret_store._kept[APP][1] == plan.app_secret
    assert time.monotonic() - secret_store._kept[APP][0] < 60
