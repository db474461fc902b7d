"""Issuing gate passes: counted, unique, and the same pass for two requests of one instant."""

import re
import secrets
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from sqlalchemy import Connection, Row, func, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.database.tables import gate_passes, pass_looks, pass_requests, students
from functions.domain.gate_passes import PassState, Tier, replaces, state_of, week_of
from functions.domain.people import Student

MEDIA_DAYS = 29  # WhatsApp keeps an upload for 30 days
TOKEN_BYTES = 24
TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")  # TOKEN_BYTES in URL-safe Base64


@dataclass(frozen=True)
class GatePass:
    """A gate pass on record."""

    id: int
    number: str
    token: str
    term: str
    percent_paid: int
    issued_on: date
    valid_until: date
    issued_to: str | None
    media_id: str | None = None  # of a WhatsApp upload that is still good

    @property
    def file_key(self) -> str:
        """Where its PDF is stored: before the pass is committed, so that there is no pass without one."""
        return f"passes/{self.number}.pdf"


_COLUMNS = (
    gate_passes.c.id,
    gate_passes.c.number,
    gate_passes.c.token,
    gate_passes.c.term,
    gate_passes.c.percent_paid,
    gate_passes.c.issued_on,
    gate_passes.c.valid_until,
    gate_passes.c.issued_to,
)


@dataclass(frozen=True)
class PassLookUp:
    """What the guard may see."""

    state: PassState
    pass_id: int | None = None
    student: Student | None = None
    number: str = ""
    valid_until: date | None = None


class GatePasses:
    """Within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def count_request(self, message_id: str, student_id: str, today: date) -> int:
        """Which request of the child's week this is, from 1. The same message counts once, however often it comes.

        Locks the child, so that two requests of one instant come one after the other.
        """
        self._connection.execute(select(students.c.id).where(students.c.id == student_id).with_for_update())
        known = select(pass_requests.c.number_in_week).where(pass_requests.c.message_id == message_id)
        if number := self._connection.execute(known).scalar_one_or_none():
            return int(number)
        week = week_of(today)
        latest = select(func.coalesce(func.max(pass_requests.c.number_in_week), 0)).where(
            pass_requests.c.student_id == student_id, pass_requests.c.week == week
        )
        number = int(self._connection.execute(latest).scalar_one()) + 1
        self._connection.execute(
            insert(pass_requests).values(message_id=message_id, student_id=student_id, week=week, number_in_week=number)
        )
        return number

    def next_pass(
        self,
        student: Student,
        term: str,
        tier: Tier,
        tiers: tuple[Tier, ...],
        percent_paid: int,
        today: date,
        valid_until: date,
        phone: str | None,
    ) -> tuple[GatePass, str]:
        """The pass that a request gets, and how: `issued`, `resent` (the one there is), `replaced` (a higher tier)."""
        found = self.current(student.id, term, today)
        outcome = "issued"
        if found:
            old, old_tier = found
            if not replaces(tier, old_tier, tiers):
                return old, "resent"
            valid_until = max(valid_until, old.valid_until)  # who pays more must not get a shorter pass
            self.close(old.id, PassState.REPLACED)
            outcome = "replaced"
        return self.issue(student, term, tier, percent_paid, today, valid_until, phone), outcome

    def current(self, student_id: str, term: str, today: date) -> tuple[GatePass, str] | None:
        """The child's valid pass of the term with its tier; one that has run out is marked so on the way."""
        media = (gate_passes.c.media_id, gate_passes.c.media_uploaded_at, gate_passes.c.tier)
        query = select(*_COLUMNS, *media).where(
            gate_passes.c.student_id == student_id, gate_passes.c.term == term, gate_passes.c.status == "valid"
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        if row.valid_until < today:
            self.close(row.id, PassState.EXPIRED)
            return None
        good = row.media_uploaded_at and row.media_uploaded_at.date() > today - timedelta(days=MEDIA_DAYS)
        found = GatePass(
            row.id,
            row.number,
            row.token,
            row.term,
            row.percent_paid,
            row.issued_on,
            row.valid_until,
            row.issued_to,
            row.media_id if good else None,
        )
        return found, row.tier

    def issue(
        self,
        student: Student,
        term: str,
        tier: Tier,
        percent_paid: int,
        today: date,
        valid_until: date,
        phone: str | None,
    ) -> GatePass:
        """A new pass with an unguessable token of 192 bits; its number tells term and order, for people."""
        token = secrets.token_urlsafe(TOKEN_BYTES)
        values = {
            "number": token,  # replaced below, once the id is known
            "token": token,
            "student_id": student.id,
            "term": term,
            "tier": tier.name,
            "percent_paid": percent_paid,
            "issued_on": today,
            "valid_until": valid_until,
            "issued_to": phone,
        }
        pass_id = self._connection.execute(
            insert(gate_passes).values(**values).returning(gate_passes.c.id)
        ).scalar_one()
        number = f"GP-{term}-{pass_id:06d}"
        self._connection.execute(gate_passes.update().where(gate_passes.c.id == pass_id).values(number=number))
        return GatePass(pass_id, number, token, term, percent_paid, today, valid_until, phone)

    def close(self, pass_id: int, state: PassState) -> None:
        self._connection.execute(gate_passes.update().where(gate_passes.c.id == pass_id).values(status=state.value))

    def latest(self, student_id: str, limit: int) -> tuple[list[Row[Any]], int]:
        """The child's passes, the newest first; at most `limit`, and how many there are."""
        theirs = gate_passes.c.student_id == student_id
        query = select(gate_passes).where(theirs).order_by(gate_passes.c.id.desc()).limit(limit)
        count = select(func.count()).select_from(gate_passes).where(theirs)
        return list(self._connection.execute(query)), int(self._connection.execute(count).scalar_one())

    def find_by_number(self, number: str) -> Row[Any] | None:
        """The pass with its child's names; both locked, so that no new pass is issued at the same instant."""
        query = (
            select(gate_passes, students.c.first_name, students.c.last_name)
            .join(students, students.c.id == gate_passes.c.student_id)
            .where(gate_passes.c.number == number)
            .with_for_update()
        )
        return self._connection.execute(query).first()

    def revoke(self, pass_id: int) -> None:
        """It is not valid any more, and there is no other one in its term until `allow`."""
        values = {"status": PassState.REVOKED.value, "blocks_new": True}
        self._connection.execute(gate_passes.update().where(gate_passes.c.id == pass_id).values(**values))

    def allow(self, pass_id: int) -> None:
        """The pass stays revoked, but a new one may be issued."""
        self._connection.execute(gate_passes.update().where(gate_passes.c.id == pass_id).values(blocks_new=False))

    def is_withheld(self, student_id: str, term: str) -> bool:
        """Whether staff have revoked a pass of this child and term and have not allowed a new one."""
        query = select(gate_passes.c.id).where(
            gate_passes.c.student_id == student_id, gate_passes.c.term == term, gate_passes.c.blocks_new
        )
        return self._connection.execute(query.limit(1)).first() is not None

    def record_upload(self, pass_id: int, media_id: str) -> None:
        """WhatsApp has the PDF; the next request within 29 days uploads nothing."""
        values = {"media_id": media_id, "media_uploaded_at": func.now()}
        self._connection.execute(gate_passes.update().where(gate_passes.c.id == pass_id).values(**values))

    def find_by_token(self, token: str, today: date) -> PassLookUp:
        """The pass behind a token, as of today."""
        if not TOKEN.fullmatch(token):
            return PassLookUp(PassState.UNKNOWN)
        query = (
            select(
                gate_passes.c.id,
                gate_passes.c.number,
                gate_passes.c.status,
                gate_passes.c.valid_until,
                students.c.id.label("student_id"),
                students.c.first_name,
                students.c.last_name,
                students.c.grade,
                students.c.active,
            )
            .join(students, students.c.id == gate_passes.c.student_id)
            .where(gate_passes.c.token == token)
        )
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return PassLookUp(PassState.UNKNOWN)
        student = Student(row.student_id, row.first_name, row.last_name, row.grade)
        state = state_of(row.status, row.valid_until, today, at_school=row.active)
        return PassLookUp(state, row.id, student, row.number, row.valid_until)

    def record_check(self, found: PassLookUp) -> None:
        """Nothing is written for a token without a pass: anybody can ask for any number of them."""
        if found.pass_id is None:
            return
        self._connection.execute(insert(pass_looks).values(pass_id=found.pass_id, result=found.state.value))
