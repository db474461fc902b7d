"""What the school has billed, as the handler returns it."""

from typing import Any

import pytest

from functions import fetch_fees
from functions.domain.errors import InvalidRequest, SchoolApiUnavailable
from tests.conftest import OutsideWorld
from tests.functions.examples import BILLS, TARIRO, TERM


@pytest.mark.usefixtures("world", "secrets")
def test_bills_are_returned_by_student_and_an_unknown_student_is_null() -> None:
    request = {"student_ids": [TARIRO, "SSC99999999"], "term": TERM}
    assert fetch_fees.handler(request, None) == {"bills": {TARIRO: BILLS, "SSC99999999": None}}


@pytest.mark.usefixtures("secrets")
def test_no_figures_are_a_failure_and_not_an_empty_account(world: OutsideWorld) -> None:
    world.fails("school", kind="html")
    with pytest.raises(SchoolApiUnavailable):
        fetch_fees.handler({"student_ids": [TARIRO], "term": TERM}, None)


@pytest.mark.parametrize("request_", [{}, {"student_ids": [], "term": "t"}, {"student_ids": "S1", "term": "t"}])
def test_an_incomplete_request_is_refused_by_name(environment: pytest.MonkeyPatch, request_: Any) -> None:
    with pytest.raises(InvalidRequest, match="student_ids"):
        fetch_fees.handler(request_, None)
