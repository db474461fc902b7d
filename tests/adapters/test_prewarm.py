"""Work ahead of the first invocation: only with provisioned concurrency, and never a reason not to start."""

import threading

import pytest

from functions.adapters.prewarm import prewarm

INITIALIZATION = "AWS_LAMBDA_INITIALIZATION_TYPE"


@pytest.mark.parametrize("kind", ["on-demand", "snap-start", ""])
def test_nothing_is_done_while_a_parent_waits(environment: pytest.MonkeyPatch, kind: str) -> None:
    environment.setenv(INITIALIZATION, kind)
    done: list[str] = []
    prewarm(lambda: done.append("step"))
    assert done == []


def test_all_steps_are_done_side_by_side(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(INITIALIZATION, "provisioned-concurrency")
    together = threading.Barrier(2, timeout=30)  # breaks unless both are under way at once
    places: list[int] = []

    def step() -> None:
        places.append(together.wait())

    prewarm(step, step)
    assert sorted(places) == [0, 1]


def test_failed_step_is_left_to_the_first_invocation(environment: pytest.MonkeyPatch) -> None:
    environment.setenv(INITIALIZATION, "provisioned-concurrency")
    done: list[str] = []

    def fail() -> None:
        raise OSError

    prewarm(fail, lambda: done.append("step"))
    assert done == ["step"]
