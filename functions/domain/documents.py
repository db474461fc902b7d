"""What each document shows: the gate pass, the statement, and the page that the guard sees after scanning."""

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import TYPE_CHECKING

from functions.domain.accounts import Line, StudentAccount
from functions.domain.gate_passes import PassState
from functions.domain.money import Currency
from functions.domain.terms import Term

if TYPE_CHECKING:
    from functions.domain.school import School

# Calling codes have one digit (1, 7), two (these), or three.
CALLING_CODE = re.compile(r"\+(1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3})(\d+)")


@dataclass(frozen=True)
class Letterhead:
    """The school as every document names it; what is empty is left out."""

    school_name: str
    motto: str
    colour: str  # #rrggbb
    accent: str
    crest_text: str  # one to three letters
    address: str
    phone: str
    email: str
    website: str

    @classmethod
    def of(cls, school: "School") -> "Letterhead":
        office = school.office
        return cls(
            school_name=school.full_name,
            motto=school.motto,
            colour=school.colour,
            accent=school.accent,
            crest_text=school.crest_text,
            address=office.address,
            phone=office.phone,
            email=office.email,
            website=school.website,
        )

    @property
    def contacts(self) -> tuple[str, ...]:
        return tuple(part for part in (self.address, self.phone, self.email, self.website) if part)


@dataclass(frozen=True)
class GatePassDocument:
    """One child's gate pass, one A5 page."""

    letterhead: Letterhead
    child_name: str
    student_id: str
    grade: str
    pass_number: str  # "GP-2026-3-000123"
    issued: date
    valid_until: date  # the last day of validity
    share_paid: str  # "75 % of Term 3 fees"
    parent_phone: str | None = field(repr=False)  # E.164; printed with its middle digits hidden
    verify_url: str = field(repr=False)  # what the QR code says; holds the pass's secret token


@dataclass(frozen=True)
class StatementChild:
    """One child's charges and payments of one term."""

    name: str
    student_id: str
    grade: str
    account: StudentAccount


@dataclass(frozen=True)
class StatementDocument:
    """A family's statement of one term: a page, or more, for each child."""

    letterhead: Letterhead
    term: Term
    as_of: date  # the day the figures are from
    children: tuple[StatementChild, ...]  # at least one
    currency: Currency


@dataclass(frozen=True)
class PassPage:
    """What the guard sees after scanning; the child's details are empty where there is no such pass."""

    letterhead: Letterhead
    state: PassState
    checked_at: datetime  # in the school's time zone
    child_name: str = ""
    grade: str = ""
    pass_number: str = ""
    valid_until: date | None = None


def hide_middle(phone: str | None) -> str:
    """`+263771234567` as `+263 77 *** **67`: enough for its owner to know it, too little to call it."""
    found = CALLING_CODE.fullmatch(phone or "")
    if not found or len(found[2]) < 7:
        return ""
    code, digits = found[1], found[2]
    hidden = "*" * (len(digits) - 4)
    return f"+{code} {digits[:2]} {hidden[:3]} {hidden[3:]}{digits[-2:]}"


def chronological(account: StudentAccount) -> list[tuple[Line, bool]]:
    """Every line, oldest first, and whether it is a payment; charges before payments of the same day, undated last."""
    lines = [(line, False) for line in account.bills] + [(line, True) for line in account.payments]
    return sorted(lines, key=lambda item: (item[0].day is None, item[0].day or date.min))


def long_date(day: date) -> str:
    """`3 December 2026`, without a leading zero."""
    return f"{day.day} {day:%B %Y}"
