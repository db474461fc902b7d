"""Students looked up at the school by their ids, for a parent whose number we do not know."""

from typing import Any

import pytest

from functions import find_student
from functions.adapters import school_api
from functions.domain.errors import InvalidRequest, SchoolApiUnavailable
from tests.conftest import OutsideWorld

pytestmark = pytest.mark.usefixtures("world", "secrets")


def find(*ids: str) -> list[dict[str, str]]:
    records: list[dict[str, str]] = find_student.handler({"student_ids": list(ids)}, None)["records"]
    return records


def test_students_are_found_by_their_ids(world: OutsideWorld) -> None:
    (found,) = find("SSC20250001")
    assert (found["first_name"], found["last_name"]) == ("Tariro", "Moyo")
    assert [record["student_id"] for record in find("SSC20250002", "SSC20259999", "SSC20250003")] == [
        "SSC20250002",
        "SSC20250003",
    ]
    assert find("SSC20259999") == []
    assert len(world.calls("school", "profile")) == 5


def test_a_school_api_that_is_down_does_not_make_a_student_unknown(
    world: OutsideWorld, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(school_api, "DEADLINE", 0.5)
    world.fails("school", operation="profile", kind="status", status=500)
    with pytest.raises(SchoolApiUnavailable):
        find("SSC20250001")


@pytest.mark.parametrize("ids", [None, [], "SSC1", [1]])
def test_a_request_without_student_ids_is_refused_by_name(ids: Any) -> None:
    with pytest.raises(InvalidRequest, match="student_ids"):
        find_student.handler({"student_ids": ids}, None)
