"""Values of `profile --set`."""

import pytest

from local.cli.profile import parse_value


@pytest.mark.parametrize(
    ("given", "value"), [("3", 3), ("0.5", 0.5), ("true", True), ("sent,read", ["sent", "read"]), ("", [])]
)
def test_values_are_numbers_booleans_or_lists(given: str, value: object) -> None:
    assert parse_value(given) == value
