"""Secrets are fetched side by side, renewed when nobody waits, and outlive a failing Secrets Manager."""

import threading
import time
from typing import Any

import pytest

from functions import dependencies
from functions.adapters import observability, secret_store
from functions.adapters.aws import AwsClient, AwsError
from functions.adapters.secret_store import SecretStore
from local.plan import Plan
from tests.conftest import Aws

APP, ACCESS = "school/local/whatsapp-app-secret", "school/local/whatsapp-access-token"


@pytest.fixture
def store(aws: Aws) -> SecretStore:
    return SecretStore(dependencies.aws())


@pytest.fixture
def fetched(aws: Aws, environment: pytest.MonkeyPatch) -> list[object]:
    """The names that Secrets Manager was asked for."""
    asked: list[object] = []
    original = AwsClient.call_json

    def call_json(*arguments: Any) -> dict[str, object]:
        asked.append(arguments[-1]["SecretId"])
        return original(*arguments)

    environment.setattr(AwsClient, "call_json", call_json)
    return asked


def age(store: SecretStore, name: str, seconds: float) -> None:
    """The value was fetched so many seconds earlier."""
    moment, value = store._values[name]
    store._values[name] = (moment - seconds, value)


def rotate(aws: Aws, value: str) -> None:
    aws.secrets.put_secret_value(SecretId=APP, SecretString=value)


def wait_for_renewals() -> None:
    """Until every renewal in the background is over."""
    for thread in threading.enumerate():
        if thread.name.startswith("renew "):
            thread.join(30)


def break_down(environment: pytest.MonkeyPatch) -> list[object]:
    """Secrets Manager fails from now on; the names that it was asked for."""
    asked: list[object] = []

    def call_json(*arguments: Any) -> dict[str, object]:
        asked.append(arguments[-1]["SecretId"])
        raise AwsError("secretsmanager", "ReadTimeout")

    environment.setattr(AwsClient, "call_json", call_json)
    return asked


@pytest.fixture
def waits(environment: pytest.MonkeyPatch) -> list[str]:
    """The metrics that were written."""
    written: list[str] = []
    environment.setattr(observability, "record_duration", lambda name, _: written.append(name))
    return written


def test_old_secret_is_returned_at_once_and_renewed_in_the_background(
    store: SecretStore, plan: Plan, aws: Aws, fetched: list[object], waits: list[str]
) -> None:
    assert [store.get(APP) for _ in range(3)] == [plan.app_secret] * 3
    rotate(aws, "rotated")
    age(store, APP, secret_store.LIFE - 5)
    assert store.get(APP) == plan.app_secret
    wait_for_renewals()
    assert fetched == [APP]
    age(store, APP, 10)
    assert store.get(APP) == plan.app_secret
    wait_for_renewals()
    assert store.get(APP) == "rotated"
    assert fetched == [APP, APP]
    assert waits == ["SecretFetchTime"]  # of the first one; nobody waited for the second


def test_each_secret_is_renewed_by_one_thread_at_a_time(
    store: SecretStore, plan: Plan, aws: Aws, environment: pytest.MonkeyPatch
) -> None:
    store.prefetch(APP, ACCESS)
    for name in (APP, ACCESS):
        age(store, name, secret_store.LIFE)
    under_way, go_on = threading.Barrier(3, timeout=30), threading.Event()
    asked: list[object] = []

    def call_json(*arguments: Any) -> dict[str, object]:
        asked.append(arguments[-1]["SecretId"])
        under_way.wait()
        go_on.wait(30)
        return {"SecretString": "renewed"}

    environment.setattr(AwsClient, "call_json", call_json)
    store.prefetch(APP, ACCESS)  # nothing to wait for
    assert [store.get(name) for name in (APP, ACCESS) * 3] == [plan.app_secret, plan.access_token] * 3
    under_way.wait()
    go_on.set()
    wait_for_renewals()
    assert sorted(map(str, asked)) == sorted([APP, ACCESS])
    assert store.get(ACCESS) == "renewed"


@pytest.mark.parametrize("together", [False, True])
def test_secret_that_is_too_old_is_fetched_while_the_caller_waits(
    store: SecretStore, aws: Aws, fetched: list[object], waits: list[str], *, together: bool
) -> None:
    store.get(APP)
    rotate(aws, "rotated")
    age(store, APP, secret_store.TOO_OLD)
    if together:
        store.prefetch(APP)
    assert store.get(APP) == "rotated"
    assert fetched == [APP, APP]
    assert waits == ["SecretFetchTime"] * 2


@pytest.mark.parametrize("seconds", [secret_store.LIFE, secret_store.TOO_OLD])
def test_failed_renewal_is_not_repeated_for_a_while(
    store: SecretStore, plan: Plan, aws: Aws, environment: pytest.MonkeyPatch, seconds: float
) -> None:
    store.get(APP)
    age(store, APP, seconds)
    asked = break_down(environment)
    for _ in range(3):
        store.prefetch(APP)
        assert store.get(APP) == plan.app_secret
        wait_for_renewals()
    assert asked == [APP]
    store._retry_at[APP] -= secret_store.PAUSE
    assert store.get(APP) == plan.app_secret
    wait_for_renewals()
    assert asked == [APP, APP]


def test_expired_secret_costs_one_wait_while_secrets_manager_is_down(
    store: SecretStore, plan: Plan, aws: Aws, environment: pytest.MonkeyPatch
) -> None:
    store.get(APP)
    asked = break_down(environment)
    for _ in range(3):
        store.expire(APP)
        assert store.get(APP) == plan.app_secret
    assert asked == [APP]


def test_renewal_that_began_before_the_secret_expired_is_not_stored(
    store: SecretStore, plan: Plan, aws: Aws, environment: pytest.MonkeyPatch, fetched: list[object]
) -> None:
    store.get(APP)
    age(store, APP, secret_store.LIFE)
    answered, go_on, ask = threading.Event(), threading.Event(), AwsClient.call_json

    def call_json(*arguments: Any) -> dict[str, object]:
        found = ask(*arguments)
        answered.set()
        go_on.wait(30)
        return found

    environment.setattr(AwsClient, "call_json", call_json)
    store.get(APP)
    answered.wait(30)
    store.expire(APP)
    rotate(aws, "rotated")
    go_on.set()
    wait_for_renewals()
    assert store.get(APP) == "rotated"


def test_old_value_is_used_while_secrets_manager_is_down(
    store: SecretStore, plan: Plan, aws: Aws, environment: pytest.MonkeyPatch
) -> None:
    store.get(APP)
    age(store, APP, secret_store.TOO_OLD)
    environment.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    assert store.get(APP) == plan.app_secret


def test_unknown_secret_raises(store: SecretStore) -> None:
    with pytest.raises(AwsError) as missing:
        store.get("school/local/nothing")
    assert missing.value.code == "ResourceNotFoundException"


def test_expired_secret_is_fetched_anew(store: SecretStore, aws: Aws, fetched: list[object]) -> None:
    store.get(APP)
    rotate(aws, "rotated")
    store.expire(APP)
    store.expire("never heard of")
    assert store.get(APP) == "rotated"
    assert fetched == [APP, APP]


def test_expired_value_is_used_while_secrets_manager_is_down(
    store: SecretStore, plan: Plan, aws: Aws, environment: pytest.MonkeyPatch
) -> None:
    store.get(APP)
    store.expire(APP)
    environment.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", "http://127.0.0.1:9")
    assert store.get(APP) == plan.app_secret


def test_prefetch_fetches_missing_secrets_side_by_side(
    store: SecretStore, plan: Plan, aws: Aws, fetched: list[object], environment: pytest.MonkeyPatch
) -> None:
    together = threading.Barrier(2, timeout=5)  # breaks unless both are under way at once
    original = store.get

    def meet(name: str) -> str:
        together.wait()
        return original(name)

    environment.setattr(store, "get", meet)
    store.prefetch(APP, ACCESS)
    environment.setattr(store, "get", original)
    assert sorted(map(str, fetched)) == sorted([APP, ACCESS])
    store.prefetch(APP, ACCESS)
    assert len(fetched) == 2
    assert store.get(ACCESS) == plan.access_token


def test_prefetch_of_an_unknown_secret_does_not_cost_the_other(store: SecretStore, plan: Plan, aws: Aws) -> None:
    store.prefetch(APP, "school/local/nothing")
    assert store._values[APP][1] == plan.app_secret
    assert time.monotonic() - store._values[APP][0] < 60


def test_value_that_was_put_is_not_fetched(store: SecretStore, fetched: list[object]) -> None:
    store.put(APP, "given")
    store.prefetch(APP)
    assert store.get(APP) == "given"
    assert fetched == []
