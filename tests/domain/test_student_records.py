"""The school's records as they are, and what a clerk has to put right."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.errors import InvalidRequest
from functions.domain.student_records import (
    LONGEST_FIELD,
    Flaw,
    StudentRecord,
    flaw_of_contact,
    flaw_of_id,
    how_to_fix,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)
PROFILE = {
    "student_number": "SSC20257279",
    "firstname": "Tariro",
    "lastname": "Moyo",
    "current_grade": "Grade 3",
    "student_mobile": "nan",
    "guardian_mobile_number": " 0771  234 567 ",
}


def of(**changes: object) -> StudentRecord:
    return StudentRecord.from_school(PROFILE | changes)


def test_a_profile_is_tidied() -> None:
    assert of() == StudentRecord("SSC20257279", "Tariro", "Moyo", "Grade 3", "0771 234 567", "")
    assert of(student_number=" ssc 20257279 ").student_id == "SSC20257279"
    assert of(guardian_mobile_number=263771234567.0).guardian_mobile == "263771234567.0"
    assert of(firstname="Ta\0ri\nro").first_name == "Ta ri ro"
    assert len(of(lastname="x" * 5000).last_name) == LONGEST_FIELD


@pytest.mark.parametrize("nothing", [None, "", " ", "nan", "NaN", "None", "null", "-", "n/a", [], {}, True])
def test_placeholders_for_nothing_are_read_as_empty(nothing: object) -> None:
    assert of(guardian_mobile_number=nothing).written_numbers == ""


@given(JSON)
def test_anything_the_school_sends_becomes_a_record(profile: object) -> None:
    for given_profile in (profile, dict.fromkeys(PROFILE, profile)):
        record = StudentRecord.from_school(given_profile)
        assert StudentRecord.read(json.loads(json.dumps(record.as_json()))) == record


def test_record_from_the_state_machine_must_be_an_object() -> None:
    with pytest.raises(InvalidRequest):
        StudentRecord.read("SSC1")


@pytest.mark.parametrize(
    ("student_id", "flaw"),
    [
        ("SSC1", None),
        ("ssc 20257279", None),
        ("", Flaw.NO_ID),
        ("20257279", Flaw.BAD_ID),
        ("SSC", Flaw.BAD_ID),
        ("SSC2025A", Flaw.BAD_ID),
        ("SSC" + "1" * 30, Flaw.BAD_ID),
    ],
)
def test_student_number_is_the_prefix_and_digits(student_id: str, flaw: Flaw | None) -> None:
    assert flaw_of_id(of(student_number=student_id), "SSC") == flaw


@pytest.mark.parametrize(
    ("guardian", "own", "flaw"),
    [
        ("0771", (), Flaw.BAD_NUMBER),
        ("0771", ("+263712345678",), Flaw.BAD_NUMBER),
        ("", ("+263712345678",), None),
        ("", (), Flaw.NO_NUMBER),
    ],
)
def test_record_without_a_readable_number_is_flawed(guardian: str, own: tuple[str, ...], flaw: Flaw | None) -> None:
    assert flaw_of_contact(of(guardian_mobile_number=guardian), (), own) == flaw


def test_every_flaw_says_what_to_do() -> None:
    fixes = {how_to_fix(flaw, "SSC", "071 234 5678", "+263 71 234 5678") for flaw in Flaw}
    assert len(fixes) == len(Flaw)
    assert all(fix.endswith(".") for fix in fixes)
