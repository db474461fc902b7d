"""Who is behind a number or a user id, whose children they may see, and whom we may write to first."""

from datetime import UTC, datetime

from functions import dependencies
from functions.adapters.database.contacts import Contacts
from functions.adapters.database.office_requests import OfficeRequests
from functions.adapters.database.senders import Senders
from functions.domain.messages import Message
from functions.domain.people import Kind, Person, Student
from tests.adapters.database.conftest import BSUID, PHONE, message
from tests.conftest import Database as Tables

OTHER = "+263779999999"


def find(phone: str | None, bsuid: str | None = BSUID) -> Person:
    with dependencies.primary().writer() as connection:
        return Senders(connection).find(phone, bsuid)


def has_written(found: Message, phone: str | None = None) -> None:
    with dependencies.primary().writer() as connection:
        Contacts(connection).record(found, phone or found.phone)


def hand_to_office(found: Message) -> None:
    with dependencies.primary().writer() as connection:
        OfficeRequests(connection).open(found, "The bus was late.")
        OfficeRequests(connection).record_notified(found.id, "wamid.notification")


def test_number_on_record_shows_its_own_active_children_only(tables: Tables) -> None:
    tables.add_student("Tariro Moyo", PHONE, "SSC1")
    tables.add_student("Tanaka Moyo", PHONE, "SSC2")
    tables.add_student("Another Child", OTHER, "SSC3")
    tables.run("INSERT INTO phones VALUES ('SSC1', :phone, 'student')", phone=PHONE)  # on record in two ways
    found = find(PHONE)
    assert (found.kind, [student.id for student in found.students]) == (Kind.REGISTERED, ["SSC1", "SSC2"])
    tables.run("UPDATE students SET active = false WHERE id = 'SSC2'")
    assert [student.id for student in find(PHONE).students] == ["SSC1"]
    tables.run("UPDATE students SET active = false")
    assert find(PHONE).kind == Kind.VISITOR


def test_without_a_number_the_one_proved_earlier_counts(tables: Tables) -> None:
    tables.add_student("Tariro Moyo", PHONE, "SSC1")
    assert find(None).kind == Kind.NO_NUMBER
    has_written(message(phone=None, shared_phone=PHONE), PHONE)
    assert (find(None).kind, find(None).phone) == (Kind.REGISTERED, PHONE)
    assert find(None, "ZW.2").kind == Kind.NO_NUMBER


def test_opt_out_is_found_by_either_key() -> None:
    has_written(message())
    assert not find(PHONE).opted_out
    with dependencies.primary().writer() as connection:
        Contacts(connection).set_opted_out(PHONE, BSUID, opted_out=True, moment=datetime.now(UTC))
    assert find(PHONE, None).opted_out
    assert find(None, BSUID).opted_out
    assert not find(OTHER, "ZW.2").opted_out


def test_only_active_students_are_found_by_id(tables: Tables) -> None:
    tables.add_student("Tariro Moyo", PHONE, "SSC1")
    with dependencies.primary().writer() as connection:
        assert Senders(connection).student("SSC1") == Student("SSC1", "Tariro", "Moyo", "Grade 3")
        assert Senders(connection).student("SSC2") is None
    tables.run("UPDATE students SET active = false")
    with dependencies.primary().writer() as connection:
        assert Senders(connection).student("SSC1") is None


# --- whom we may write to first ---------------------------------------------------------------------------------------


def may_be_written_to(phone: str | None = PHONE, bsuid: str | None = BSUID) -> bool:
    with dependencies.primary().writer() as connection:
        return Senders(connection).may_be_written_to(phone, bsuid)


def receipts_for(student_id: str) -> list[str | None]:
    with dependencies.primary().writer() as connection:
        return [row.phone for row in Senders(connection).contacts_for_receipts(student_id)]


def test_who_has_opted_out_is_not_written_to_first(tables: Tables) -> None:
    has_written(message())
    assert may_be_written_to()
    with dependencies.primary().writer() as connection:
        Contacts(connection).set_opted_out(None, BSUID, opted_out=True, moment=datetime.now(UTC))
    assert [may_be_written_to(), may_be_written_to(bsuid=None), may_be_written_to(OTHER, "ZW.2")] == [
        False,
        False,
        True,
    ]


def test_whoever_the_office_has_is_not_written_to_by_any_key() -> None:
    has_written(message())
    hand_to_office(message("wamid.2", bsuid=None))  # opened under the number alone
    assert not may_be_written_to()
    assert not may_be_written_to(phone=None)
    assert may_be_written_to(OTHER, "ZW.2")


def test_receipts_go_to_contacts_on_record_who_have_written(tables: Tables) -> None:
    tables.add_student("Tariro Moyo", PHONE, "SSC1")
    tables.run("INSERT INTO phones VALUES ('SSC1', :phone, 'guardian')", phone=OTHER)
    assert receipts_for("SSC1") == []  # nobody has written yet
    has_written(message("wamid.1"))
    has_written(message("wamid.2", "+263770000001", "ZW.3"))  # of another child
    assert receipts_for("SSC1") == [PHONE]
    has_written(message("wamid.3", OTHER, "ZW.2"))
    assert receipts_for("SSC1") == [PHONE, OTHER]
    assert receipts_for("SSC2") == []


def test_no_receipt_after_an_opt_out_or_while_the_office_has_the_conversation(tables: Tables) -> None:
    tables.add_student("Tariro Moyo", PHONE, "SSC1")
    tables.run("INSERT INTO phones VALUES ('SSC1', :phone, 'guardian')", phone=OTHER)
    has_written(message("wamid.1"))
    has_written(message("wamid.2", OTHER, "ZW.2"))
    hand_to_office(message("wamid.3"))
    assert receipts_for("SSC1") == [OTHER]
    with dependencies.primary().writer() as connection:
        Contacts(connection).set_opted_out(OTHER, None, opted_out=True, moment=datetime.now(UTC))
    assert receipts_for("SSC1") == []
