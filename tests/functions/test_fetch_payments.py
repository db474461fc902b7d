"""What has been paid, as the handler returns it."""

import pytest

from functions import fetch_payments
from functions.domain.errors import SchoolApiUnavailable
from tests.conftest import OutsideWorld
from tests.functions.examples import TARIRO, TERM


@pytest.mark.usefixtures("world", "secrets")
def test_payments_are_returned_by_student_and_an_unknown_student_is_null() -> None:
    request = {"student_ids": [TARIRO, "SSC99999999"], "term": TERM}
    paid = fetch_payments.handler(request, None)["payments"]
    assert sum(float(line["amount"]) for line in paid[TARIRO]) == 160
    assert paid["SSC99999999"] is None


@pytest.mark.usefixtures("secrets")
def test_no_figures_are_a_failure_and_not_an_empty_account(world: OutsideWorld) -> None:
    world.fails("school", kind="html")
    with pytest.raises(SchoolApiUnavailable):
        fetch_payments.handler({"student_ids": [TARIRO], "term": TERM}, None)
