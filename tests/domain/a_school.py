"""The school as configured, two families and their figures: what the tests of the rules talk about."""

from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

from functions.adapters.school_config import load
from functions.domain.accounts import Account, Balance, Line, StudentAccount
from functions.domain.messages import Message
from functions.domain.people import Kind, Person, Student
from functions.domain.school import School

CONFIG = Path(__file__).parents[2] / "config"
SHIPPED: School = load(CONFIG)
SCHOOL: School = replace(SHIPPED, office=replace(SHIPPED.office, whatsapp="+263772000900"))  # none is shipped

TODAY = date(2026, 11, 23)  # a Monday in Term 3
HOLIDAYS = date(2026, 8, 20)
NOW = datetime(2026, 11, 23, 10, 45, tzinfo=SCHOOL.timezone)

TARIRO = Student("SSC20257279", "Tariro", "Moyo", "Grade 3")
TANAKA = Student("SSC20257280", "Tanaka", "Moyo", "Form 1")
FAMILY = (TARIRO, TANAKA)

PARENT = Person(Kind.REGISTERED, "+263771234567", "ZW.100", FAMILY, "Rudo Moyo")
ONE_CHILD = Person(Kind.REGISTERED, "+263771234568", "ZW.101", (TARIRO,))
VISITOR = Person(Kind.VISITOR, "+263779999999", "ZW.102")
HIDDEN = Person(Kind.NO_NUMBER, None, "ZW.103")
UNSURE = Person(Kind.UNSURE, "+263771234567", "ZW.100")


def money(text: str) -> Decimal:
    return Decimal(text)


def balance(billed: str, paid: str) -> Balance:
    return Balance(money(billed), money(paid))


def figures(billed: str, paid: str) -> StudentAccount:
    """One charge and one payment; "0" leaves either out."""
    bills = (Line("Tuition", money(billed), date(2026, 9, 7)),) if billed != "0" else ()
    payments = (Line("Tuition", money(paid), date(2026, 9, 10)),) if paid != "0" else ()
    return StudentAccount(bills, payments)


def account(
    *students: tuple[Student, StudentAccount | None],
    term: str = "2026-3",
    as_of: str = "2026-11-23T08:45:00+00:00",  # NOW
    stale: bool = False,
) -> Account:
    return Account(term, as_of, stale, {student.id: found for student, found in students})


def typed(text: str, **fields: object) -> Message:
    """A text message of the parent."""
    values: dict[str, object] = {"id": "wamid.1", "type": "text", "timestamp": 1795423500, "phone": "+263771234567"}
    return Message.read(values | {"text": text} | fields)
