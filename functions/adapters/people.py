"""Finding a person by their WhatsApp number or user id, in our own records."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, false, select

from functions.adapters.models import contacts, office_requests, phones, students
from functions.adapters.office_requests import is_with_the_office, with_the_office
from functions.domain.people import Kind, Person, Student


def student(connection: Connection, student_id: str) -> Student | None:
    """One active student."""
    columns = (students.c.id, students.c.first_name, students.c.last_name, students.c.grade)
    query = select(*columns).where(students.c.id == student_id, students.c.active)
    row = connection.execute(query).one_or_none()
    return Student(*row) if row else None


def has_key(phone: str | None, bsuid: str | None) -> ColumnElement[bool]:
    """Contacts with this number or this user id: either tells who it is. Without both: nobody."""
    by_id = contacts.c.bsuid == bsuid if bsuid else false()
    by_number = contacts.c.phone == phone if phone else false()
    return by_id | by_number


def who_may_hear(connection: Connection, student_id: str) -> Sequence[Row[Any]]:
    """Contacts whose number is on record for this student, who have written to us, and do not mind being written to.

    Not while the office has the conversation: we keep quiet there.
    """
    key = office_requests.c.sender.in_([contacts.c.bsuid, contacts.c.phone])
    query = (
        select(contacts)
        .join(phones, phones.c.phone == contacts.c.phone)
        .where(phones.c.student_id == student_id, contacts.c.opted_out_at.is_(None))
        .where(~exists().where(with_the_office(), key))
        .distinct()
        .order_by(contacts.c.id)
    )
    return connection.execute(query).all()


def may_be_written_to(connection: Connection, phone: str | None, bsuid: str | None) -> bool:
    """Whether we may write first to this person: they have not opted out, and the office does not have them."""
    known = connection.execute(select(contacts).where(has_key(phone, bsuid))).all()
    keys = [phone, bsuid, *(key for row in known for key in (row.phone, row.bsuid))]
    return not any(row.opted_out_at for row in known) and not is_with_the_office(connection, keys)


def find(connection: Connection, phone: str | None, bsuid: str | None) -> Person:
    """Who this is, and whose children they may see. `phone` as WhatsApp gave it, or as the person proved it.

    Without one, the number that this user id proved earlier counts.
    """
    query = select(contacts.c.phone, contacts.c.opted_out_at).where(has_key(phone, bsuid))
    known = connection.execute(query).all()
    phone = phone or next((row.phone for row in known if row.phone), None)
    opted_out = any(row.opted_out_at for row in known)
    if phone is None:
        return Person(Kind.NO_NUMBER, None, bsuid, opted_out=opted_out)
    own = (
        select(students.c.id, students.c.first_name, students.c.last_name, students.c.grade)
        .join(phones, phones.c.student_id == students.c.id)
        .where(phones.c.phone == phone, students.c.active)
        .distinct()
        .order_by(students.c.id)
    )
    found = tuple(Student(*row) for row in connection.execute(own))
    return Person(Kind.REGISTERED if found else Kind.VISITOR, phone, bsuid, found, opted_out=opted_out)
