"""Students as the school has them, and the functions that save them, for the tests of the nightly sync."""

from typing import Any

from functions import finish_student_sync, save_found_student, save_student_page, understand
from tests.conftest import Database

RUDO, OTHER = "+263771234567", "+263712345678"
TARIRO = "SSC20257279"


def record(name: str = "Tariro Moyo", guardian: str = "0771 234 567", student_id: str = TARIRO, **more: str) -> Any:
    """One record of the school's list."""
    first, _, last = name.partition(" ")
    return {
        "student_id": student_id,
        "first_name": first,
        "last_name": last,
        "grade": "Grade 3",
        "guardian_mobile": guardian,
        "student_mobile": "",
    } | more


def many(count: int) -> list[Any]:
    """Records of different students."""
    return [record(f"Child{n} Moyo", f"07712{n:05d}", f"SSC2025{n:04d}") for n in range(count)]


def save_page(*records: Any, run: Any = None, number: int = 1) -> dict[str, Any]:
    """Save one page of a run; without `run` a new run begins."""
    return save_student_page.handler({"page": number, "records": list(records), "run": run}, None)


def finish(run: Any) -> dict[str, Any]:
    return finish_student_sync.handler({"run": run}, None)


def save_found(*records: Any, sender: str = "ZW.1") -> dict[str, Any]:
    """Save what a look-up for this sender has found."""
    return save_found_student.handler({"records": list(records), "sender": sender}, None)


def numbers(database: Database, student_id: str = TARIRO) -> set[tuple[str, str]]:
    """(phone, kind) of every number of a student."""
    rows = database.run("SELECT phone, kind FROM phones WHERE student_id = :i", i=student_id)
    return {(row["phone"], row["kind"]) for row in rows}


def unusable(database: Database) -> dict[str, tuple[str, str]]:
    """Place -> (problem, phone as written)."""
    return {row["place"]: (row["problem"], row["phone"]) for row in database.run("SELECT * FROM unusable_records")}


def kind_of(message_id: str, phone: str, bsuid: str | None = None) -> str:
    """The kind of person that a new message's sender is."""
    message = {"id": message_id, "type": "text", "phone": phone, "text": "hi"} | ({"bsuid": bsuid} if bsuid else {})
    return str(understand.handler({"message": message}, None)["person"]["kind"])
