"""Secrets are fetched side by side, renewed when nobody waits, and outlive a failing Secrets Manager."""

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


def renewed() -> None:
    """Every renewal behind somebody's back is over."""
    for thread in threading.enumerate():
        if thread.name.startswith("renew "):
            thread.join(30)


def break_down(environment: pytest.MonkeyPatch) -> list[object]:
    """Secrets Manager fails from now on; the names that it was asked for."""
    asked: list[object] = []

    def call_json(*arguments: object) -> dict[str, object]:
        asked.append(arguments[-1]["SecretId"])  # type: ignore[index]
        raise AwsError("secretsmanager", "ReadTimeout")

    environment.setattr(signing, "call_json", call_json)
    return asked


@pytest.fixture
def waits(environment: pytest.MonkeyPatch) -> list[str]:
    """The metrics that were written."""
    written: list[str] = []
    environment.setattr(secret_store.observe, "took", lambda name, _: written.append(name))
    return written


def test_past_its_life_a_secret_is_returned_at_once_and_renewed_behind(
    plan: Plan, aws: Aws, fetched: list[object], waits: list[str]
) -> None:
    assert [secret_store.secret(APP) for _ in range(3)] == [plan.app_secret] * 3
    change(aws, "rotated")
    grow_old(APP, secret_store.LIFE - 5)
    assert secret_store.secret(APP) == plan.app_secret
    renewed()
    assert fetched == [APP]
    grow_old(APP, 10)
    assert secret_store.secret(APP) == plan.app_secret
    renewed()
    assert secret_store.secret(APP) == "rotated"
    assert fetched == [APP, APP]
    assert waits == ["SecretFetchTime"]  # of the first one; nobody waited for the second


def test_one_renewal_at_a_time_for_each_secret(plan: Plan, aws: Aws, environment: pytest.MonkeyPatch) -> None:
    secret_store.fetch_together(APP, ACCESS)
    for name in (APP, ACCESS):
        grow_old(name, secret_store.LIFE)
    under_way, go_on = threading.Barrier(3, timeout=30), threading.Event()
    asked: list[object] = []

    def call_json(*arguments: object) -> dict[str, object]:
        asked.append(arguments[-1]["SecretId"])  # type: ignore[index]
        under_way.wait()
        go_on.wait(30)
        return {"SecretString": "renewed"}

    environment.setattr(signing, "call_json", call_json)
    secret_store.fetch_together(APP, ACCESS)  # nothing to wait for
    assert [secret_store.secret(name) for name in (APP, ACCESS) * 3] == [plan.app_secret, plan.access_token] * 3
    under_way.wait()
    go_on.set()
    renewed()
    assert sorted(map(str, asked)) == sorted([APP, ACCESS])
    assert secret_store.secret(ACCESS) == "renewed"


@pytest.mark.parametrize("together", [False, True])
def test_one_that_is_too_old_is_waited_for(
    aws: Aws, fetched: list[object], waits: list[str], *, together: bool
) -> None:
    secret_store.secret(APP)
    change(aws, "rotated")
    grow_old(APP, secret_store.TOO_OLD)
    if together:
        secret_store.fetch_together(APP)
    assert secret_store.secret(APP) == "rotated"
    assert fetched == [APP, APP]
    assert waits == ["SecretFetchTime"] * 2


@pytest.mark.parametrize("age", [secret_store.LIFE, secret_store.TOO_OLD])
def test_after_a_failed_renewal_nobody_asks_for_a_while(
    plan: Plan, aws: Aws, environment: pytest.MonkeyPatch, age: float
) -> None:
    secret_store.secret(APP)
    grow_old(APP, age)
    asked = break_down(environment)
    for _ in range(3):
        secret_store.fetch_together(APP)
        assert secret_store.secret(APP) == plan.app_secret
        renewed()
    assert asked == [APP]
    secret_store._again[APP] -= secret_store.PAUSE
    assert secret_store.secret(APP) == plan.app_secret
    renewed()
    assert asked == [APP, APP]


def test_one_that_is_refused_while_secrets_manager_is_down_does_not_cost_a_wait_each_time(
    plan: Plan, aws: Aws, environment: pytest.MonkeyPatch
) -> None:
    secret_store.secret(APP)
    asked = break_down(environment)
    for _ in range(3):
        secret_store.forget(APP)
        assert secret_store.secret(APP) == plan.app_secret
    assert asked == [APP]


def test_a_renewal_that_began_before_the_refusal_does_not_count(
    plan: Plan, aws: Aws, environment: pytest.MonkeyPatch, fetched: list[object]
) -> None:
    secret_store.secret(APP)
    grow_old(APP, secret_store.LIFE)
    answered, go_on, ask = threading.Event(), threading.Event(), signing.call_json

    def call_json(*arguments: object) -> dict[str, object]:
        found = ask(*arguments)  # type: ignore[arg-type]
        answered.set()
        go_on.wait(30)
        return found

    environment.setattr(signing, "call_json", call_json)
    secret_store.secret(APP)
    answered.wait(30)
    secret_store.forget(APP)
    change(aws, "rotated")
    go_on.set()
    renewed()
    assert secret_store.secret(APP) == "rotated"


def test_an_old_value_outlives_a_failing_secrets_manager(plan: Plan, aws: Aws, environment: pytest.MonkeyPatch) -> None:
    secret_store.secret(APP)
    grow_old(APP, secret_store.TOO_OLD)
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
