"""The quick part of the fault matrix: the rest runs with `make soak`."""

from collections.abc import Iterator

import pytest

from bench.soak.faults import Fault, all_faults
from bench.soak.matrix import Matrix
from bench.stage import Stage
from local.stack import Stack
from local.stack_client import StackClient

QUICK = [fault for fault in all_faults() if fault.is_quick]


@pytest.fixture(scope="module")
def matrix(stack: Stack) -> Iterator[Matrix]:
    stage = Stage(stack)
    yield Matrix(stage)
    stage.close()


@pytest.mark.parametrize("fault", QUICK, ids=str)
def test_everyone_is_answered_once_or_apologised_to_and_nothing_is_left_over(
    running: StackClient, matrix: Matrix, fault: Fault
) -> None:
    row = matrix.row(fault)
    assert row.is_good, str(row)
