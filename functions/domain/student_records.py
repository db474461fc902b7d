"""Students as the school's own records hold them, and what a clerk has to put right before we can use one."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from enum import Enum

from functions.domain.errors import InvalidRequest

LONGEST_FIELD = 200  # characters; nothing that the school writes is longer, and a page must fit the state machine
LONGEST_ID = 32


@dataclass(frozen=True)
class StudentRecord:
    """One record, tidied but not judged; numbers as the clerks wrote them."""

    student_id: str
    first_name: str
    last_name: str
    grade: str
    guardian_mobile: str
    student_mobile: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def written_numbers(self) -> str:
        """Both fields as they are on record, for whoever puts them right."""
        return " | ".join(text for text in (self.guardian_mobile, self.student_mobile) if text)

    def as_json(self) -> dict[str, str]:
        return asdict(self)

    @classmethod
    def from_school(cls, profile: object) -> "StudentRecord":
        """From a profile of the school's API; what is not an object becomes an empty record, so that it is seen."""
        found = profile if isinstance(profile, Mapping) else {}
        return cls(
            student_id=_tidy(found.get("student_number")).replace(" ", "").upper(),
            first_name=_tidy(found.get("firstname")),
            last_name=_tidy(found.get("lastname")),
            grade=_tidy(found.get("current_grade")),
            guardian_mobile=_tidy(found.get("guardian_mobile_number")),
            student_mobile=_tidy(found.get("student_mobile")),
        )

    @classmethod
    def read(cls, value: object) -> "StudentRecord":
        """From the state machine's JSON; InvalidRequest names what is wrong."""
        if not isinstance(value, Mapping):
            raise InvalidRequest("record", "an object")
        return cls(**{item.name: str(value.get(item.name) or "") for item in fields(cls)})


class Flaw(Enum):
    """What is wrong with a record."""

    NO_ID = "no student number"
    BAD_ID = "not a student number"
    TAKEN_ID = "the student number of another student"
    NO_NAME = "no name"
    NO_NUMBER = "no phone number"
    BAD_NUMBER = "the phone number cannot be read"
    HALF_READ = "one of the phone numbers cannot be read"


def flaw_of_id(record: StudentRecord, prefix: str) -> Flaw | None:
    """Whether the student can be told from others. `prefix`: of the school's student ids."""
    if not record.student_id:
        return Flaw.NO_ID
    well_formed = re.fullmatch(rf"{re.escape(prefix.upper())}\d+", record.student_id)
    return None if well_formed and len(record.student_id) <= LONGEST_ID else Flaw.BAD_ID


def flaw_of_contact(
    record: StudentRecord, guardians: Sequence[str], own: Sequence[str], *, half_read: bool = False
) -> Flaw | None:
    """Whether every parent can be recognised; `guardians`, `own`: the numbers that could be read (E.164).

    `half_read`: beside one of them, in the same field, is one that could not.
    """
    if not record.name:
        return Flaw.NO_NAME
    if record.guardian_mobile and not guardians:
        return Flaw.BAD_NUMBER
    if guardians or own:
        return Flaw.HALF_READ if half_read else None
    return Flaw.BAD_NUMBER if record.student_mobile else Flaw.NO_NUMBER


def how_to_fix(flaw: Flaw, prefix: str, local: str, international: str) -> str:
    """What a clerk does in the school's system; the next sync then takes the record.

    `local`, `international`: the two ways to write a mobile number of the school's country.
    """
    return {
        Flaw.NO_ID: f"Give the student a number such as {prefix}20251234.",
        Flaw.BAD_ID: f"Write the student number as {prefix} and digits, such as {prefix}20251234.",
        Flaw.TAKEN_ID: "Two students have this number: give one of them a number of their own.",
        Flaw.NO_NAME: "Enter the student's first name and surname.",
        Flaw.NO_NUMBER: f"Enter the guardian's mobile number, such as {local}.",
        Flaw.BAD_NUMBER: f"Correct the mobile number, as in {local} or, with the country's code, {international}.",
        Flaw.HALF_READ: f"Correct the number that is not like {local} or {international}; the others are in use.",
    }[flaw]


def _tidy(value: object) -> str:
    """Text without stray blanks; what spreadsheets write for nothing is nothing."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    text = " ".join("".join(sign if sign.isprintable() else " " for sign in str(value)).split())
    return "" if text.lower() in ("nan", "none", "null", "n/a", "-") else text[:LONGEST_FIELD]
