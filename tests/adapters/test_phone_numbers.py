"""Phone numbers of the school's records."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions.adapters.phone_numbers import is_half_read, normalise, normalise_all

subscribers = st.builds(
    lambda prefix, rest: f"{prefix}{rest:07d}", st.sampled_from(["71", "73", "77", "78"]), st.integers(2000000, 9999999)
)
prefixes = st.sampled_from(["0", "", "263", "+263", "00263", "+263 (0)", "2630"])


@pytest.mark.parametrize(
    "raw",
    [
        "0771234567",
        "771234567",
        "263771234567",
        "+263771234567",
        "00263 77 123 4567",
        "077-123-4567",
        "(077) 123 4567",
        " 0771 234 567 ",
        "077/123/4567",
        "263771234567.0",
        "0771234567 (mum)",
        "+263 (0) 77 123 4567",
    ],
)
def test_ways_of_writing_one_zimbabwean_number(raw: str) -> None:
    assert normalise(raw, "ZW") == "+263771234567"


@pytest.mark.parametrize("raw", [None, "", "   ", "nan", "NaN", "none", "-", "0", "12345", "077123456", "2.63771e+11"])
def test_what_is_no_number_is_dropped(raw: str | None) -> None:
    assert normalise(raw, "ZW") is None


def test_a_foreign_number_keeps_its_country() -> None:
    assert normalise("+27 82 123 4567", "ZW") == "+27821234567"


def test_a_national_number_is_read_as_one_of_the_region() -> None:
    assert normalise("082 123 4567", "ZA") == "+27821234567"


@pytest.mark.parametrize("between", [" / ", "/", ", ", "; ", " or ", " and ", " & ", "\n"])
def test_two_guardians_in_one_field_are_both_found(between: str) -> None:
    assert normalise_all(f"0771234567{between}0712 345 678", "ZW") == ("+263771234567", "+263712345678")


@pytest.mark.parametrize("raw", ["0771234567 / 07123", "07123 / 0771234567", "0771234567 (mum), 071234567x (dad)"])
def test_a_number_that_cannot_be_read_beside_one_that_can_is_noticed(raw: str) -> None:
    assert normalise_all(raw, "ZW") == ("+263771234567",)
    assert is_half_read(raw, "ZW")


@pytest.mark.parametrize(
    "raw", ["0771234567", "077/123/4567", "0771234567 / nan", "0771234567 or 0712345678", "07", ""]
)
def test_what_is_whole_or_wholly_unreadable_is_not_half_read(raw: str) -> None:
    assert not is_half_read(raw, "ZW")


def test_a_second_number_after_a_comma_is_no_extension_of_the_first() -> None:
    assert normalise_all("0771234567, 712345678", "ZW") == ("+263771234567", "+263712345678")
    assert normalise_all("0771234567#12", "ZW") == ("+263771234567",)


def test_the_same_number_twice_counts_once() -> None:
    assert normalise_all("0771234567 / 263771234567", "ZW") == ("+263771234567",)


@settings(deadline=None)
@given(prefixes, subscribers, st.sampled_from(["", " ", "-", "."]))
def test_punctuation_and_prefix_do_not_matter(prefix: str, subscriber: str, between: str) -> None:
    written = prefix + between.join([subscriber[:2], subscriber[2:5], subscriber[5:]])
    assert normalise(written, "ZW") == "+263" + subscriber


@settings(deadline=None)
@given(st.text(max_size=120))
def test_any_text_gives_numbers_in_e164_or_nothing(text: str) -> None:
    for number in normalise_all(text, "ZW"):
        assert re.fullmatch(r"\+[1-9]\d{6,14}", number)
        assert normalise(number, "ZW") == number
