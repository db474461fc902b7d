"""What documents show of a phone number."""

import pytest

from functions.domain.documents import hide_middle


@pytest.mark.parametrize(
    ("phone", "hidden"),
    [
        ("+263771234567", "+263 77 *** **67"),
        ("+27821234567", "+27 82 *** **67"),
        ("+12025550143", "+1 20 *** ***43"),
        ("+447911123456", "+44 79 *** ***56"),
        ("+2631234", ""),
        ("0771234567", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_middle_of_a_phone_number_is_hidden(phone: str | None, hidden: str) -> None:
    assert hide_middle(phone) == hidden
