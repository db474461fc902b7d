"""Finding the person behind a WhatsApp number or user id, and who is on record for a student."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, exists, false, select

from functions.adapters.database.office_requests import OfficeRequests, is_with_office
from functions.adapters.database.tables import contacts, office_requests, phones, students
from functions.domain.people import Kind, Person, Student


def has_key(phone: str | None, bsuid: str | None) -> ColumnElement[bool]:
    """Contacts with this number or this user id; without both: nobody."""
    by_id = contacts.c.bsuid == bsuid if bsuid else false()
    by_number = contacts.c.phone == phone if phone else false()
    return by_id | by_number


class Senders:
    """Reads only; within one connection."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def find(self, phone: str | None, bsuid: str | None) -> Person:
        """Who this is, and whose children they may see. `phone`: as WhatsApp gave it, or as the person proved it.

        Without one, the number that this user id proved earlier counts.
        """
        query = select(contacts.c.phone, contacts.c.opted_out_at).where(has_key(phone, bsuid))
        known = self._connection.execute(query).all()
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
        found = tuple(Student(*row) for row in self._connection.execute(own))
        return Person(Kind.REGISTERED if found else Kind.VISITOR, phone, bsuid, found, opted_out=opted_out)

    def student(self, student_id: str) -> Student | None:
        """One active student."""
        columns = (students.c.id, students.c.first_name, students.c.last_name, students.c.grade)
        query = select(*columns).where(students.c.id == student_id, students.c.active)
        row = self._connection.execute(query).one_or_none()
        return Student(*row) if row else None

    def may_be_written_to(self, phone: str | None, bsuid: str | None) -> bool:
        """Whether we may write first: the person has not opted out, and the office does not have the conversation."""
        known = self._connection.execute(select(contacts).where(has_key(phone, bsuid))).all()
        keys = [phone, bsuid, *(key for row in known for key in (row.phone, row.bsuid))]
        return not any(row.opted_out_at for row in known) and not OfficeRequests(self._connection).has_conversation(
            keys
        )

    def contacts_for_receipts(self, student_id: str) -> Sequence[Row[Any]]:
        """Contacts on record for this student who have written to us and have not opted out.

        Without those whose conversation the office has: we send nothing there.
        """
        key = office_requests.c.sender.in_([contacts.c.bsuid, contacts.c.phone])
        query = (
            select(contacts)
            .join(phones, phones.c.phone == contacts.c.phone)
            .where(phones.c.student_id == student_id, contacts.c.opted_out_at.is_(None))
            .where(~exists().where(is_with_office(), key))
            .distinct()
            .order_by(contacts.c.id)
        )
        return self._connection.execute(query).all()
