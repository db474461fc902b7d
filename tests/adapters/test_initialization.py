"""Work ahead of the first invocation: modules always, connections where nobody waits; never a reason to fail."""

import threading

import pytest

from functions.adapters.initialization import initialize

INITIALIZATION = "AWS_LAMBDA_INITIALIZATION_TYPE"


@pytest.mark.parametrize("kind", ["on-demand", "snap-start"])
def test_the_service_is_built_but_nothing_is_connected_while_a_parent_waits(
    environment: pytest.MonkeyPatch, kind: str
) -> None:
    environment.setenv(INITIALIZATION, kind)
    done: list[str] = []
    initialize(lambda: done.append("build"), lambda: done.append("connect"))
    assert done == ["build"]


def test_nothing_is_done_outside_lambda(environment: pytest.MonkeyPatch) -> None:
    environment.delenv(INITIALIZATION, raising=False)
    done: list[str] = []
    initialize(lambda: done.append("build"), lambda: done.append("connect"))
    assert done == []


def test_connections_are_opened_side_by_side_after_the_service_is_built(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(INITIALIZATION, "provisioned-concurrency")
    together = threading.Barrier(2, timeout=30)  # breaks unless both are under way at once
    done: list[object] = []

    def connect() -> None:
        done.append(together.wait())

    initialize(lambda: done.append("build"), connect, connect)
    assert done[0] == "build"
    assert sorted(done[1:], key=str) == [0, 1]


def test_failed_step_is_left_to_the_first_invocation(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(INITIALIZATION, "provisioned-concurrency")
    done: list[str] = []

    def fail() -> None:
        raise OSError

    initialize(fail, fail, lambda: done.append("connect"))
    assert done == ["connect"]
