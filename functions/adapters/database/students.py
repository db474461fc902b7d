"""The tables of students and of the numbers that may ask about them."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, delete, func, select, tuple_, update
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.database.tables import contacts, phones, students, unusable_records
from functions.adapters.phone_numbers import examples, is_half_read, normalise_all
from functions.domain.errors import SyncIncomplete
from functions.domain.school import School
from functions.domain.student_records import Flaw, StudentRecord, flaw_of_contact, flaw_of_id, how_to_fix

LEAST_SHARE_SEEN = 0.8  # of the students we knew; a run that saw fewer is not believed


@dataclass(frozen=True)
class SyncRun:
    """One sync, from its first page on."""

    began_at: datetime  # by the database's clock
    active_before: int


@dataclass(frozen=True)
class Saved:
    """What saving some records did."""

    saved: int
    new: int
    changed: int  # another name, grade or number, or back at school
    unusable: int
    numbers: frozenset[str]  # E.164: who may see something else from now on


@dataclass(frozen=True)
class _Student:
    """One student as a row and its numbers, so that old and new can be compared."""

    first_name: str
    last_name: str
    grade: str
    active: bool
    numbers: frozenset[tuple[str, str]]  # (E.164, "guardian" or "student")

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()


Flawed = dict[str, tuple[StudentRecord, Flaw]]  # by place: the student id, or where in the run the record was


class Students:
    """Within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def begin_run(self) -> SyncRun:
        """A run that begins with this transaction."""
        query = select(func.now(), select(func.count()).where(students.c.active).scalar_subquery())
        began_at, active = self._connection.execute(query).one()
        return SyncRun(began_at, active)

    def save(
        self, records: Sequence[StudentRecord], school: School, page: int = 0, run: SyncRun | None = None
    ) -> Saved:
        """Save these records. Saving the same again changes nothing.

        Without `run`: for a look-up, which anybody can cause. Then numbers and students are only added.
        """
        ids = {record.student_id for record in records if not flaw_of_id(record, school.student_id_prefix)}
        before = self._known(ids)
        usable, flawed = _judge(records, school, page, self._seen_in(run, before))
        if run is None:
            usable = {name: _added_to(before.get(name), student) for name, student in usable.items()}
        changed = {name: student for name, student in usable.items() if before.get(name) != student}
        if run is None:
            self._write_students({name: student for name, student in changed.items() if name not in before})
        else:
            self._connection.execute(update(students).where(students.c.id.in_(usable)).values(seen_at=func.now()))
            self._write_students(changed)
        self._write_numbers(changed, before)
        self._note_flawed(flawed, good=usable.keys() - flawed.keys(), school=school)
        return Saved(
            saved=len(usable),
            new=len(changed.keys() - before.keys()),
            changed=len(changed.keys() & before.keys()),
            unusable=len(flawed),
            numbers=_numbers_of(changed.values())
            | _numbers_of(before[name] for name in changed.keys() & before.keys()),
        )

    def finish_run(self, run: SyncRun) -> tuple[int, frozenset[str]]:
        """Deactivate the students that the run did not see: how many, and the numbers that were theirs.

        Raises SyncIncomplete, and deactivates nobody, when it saw too few of those we knew.
        """
        unseen = students.c.active & (students.c.seen_at < run.began_at)
        missing = self._connection.execute(select(students.c.id).where(unseen).with_for_update()).scalars().all()
        seen = run.active_before - len(missing)
        if seen < LEAST_SHARE_SEEN * run.active_before:
            raise SyncIncomplete(f"only {seen} of {run.active_before} active students were on the school's list")
        self._connection.execute(
            update(students).where(students.c.id.in_(missing)).values(active=False, updated_at=func.now())
        )
        self._connection.execute(delete(unusable_records).where(unusable_records.c.last_seen < run.began_at))
        query = select(phones.c.phone).where(phones.c.student_id.in_(missing)).distinct()
        return len(missing), frozenset(self._connection.execute(query).scalars())

    def count(self) -> dict[str, int]:
        """How many students are active, how many records cannot be used, and how many numbers someone should check."""
        active = select(func.count()).where(students.c.active).scalar_subquery()
        unusable = select(func.count()).select_from(unusable_records).scalar_subquery()
        shared = select(func.count()).select_from(_shared_numbers().subquery()).scalar_subquery()
        row = self._connection.execute(select(active, unusable, shared)).one()
        return {"active": row[0], "unusable": row[1], "shared_numbers": row[2]}

    def unusable(self, limit: int) -> tuple[list[Row[Any]], int]:
        """Records that a clerk has to put right, the longest known first; at most `limit`, and how many there are."""
        query = select(unusable_records).order_by(unusable_records.c.first_seen, unusable_records.c.place).limit(limit)
        return list(self._connection.execute(query)), self.count()["unusable"]

    def senders_of(self, numbers: Iterable[str]) -> list[str]:
        """Every key under which someone with one of these numbers may be remembered: the number, and the user id."""
        wanted = sorted(numbers)
        query = select(contacts.c.bsuid).where(contacts.c.phone.in_(wanted), contacts.c.bsuid.is_not(None))
        return [*wanted, *self._connection.execute(query).scalars()]

    def _known(self, ids: Iterable[str]) -> dict[str, _Student]:
        """The students of these ids that we have, locked until the transaction ends."""
        columns = (students.c.id, students.c.first_name, students.c.last_name, students.c.grade, students.c.active)
        query = select(*columns).where(students.c.id.in_(sorted(ids))).order_by(students.c.id).with_for_update()
        rows = self._connection.execute(query).all()
        numbers: dict[str, set[tuple[str, str]]] = {row.id: set() for row in rows}
        for name, phone, kind in self._connection.execute(
            select(phones.c.student_id, phones.c.phone, phones.c.kind).where(phones.c.student_id.in_(numbers))
        ):
            numbers[name].add((phone, kind))
        return {
            row.id: _Student(row.first_name, row.last_name, row.grade, row.active, frozenset(numbers[row.id]))
            for row in rows
        }

    def _seen_in(self, run: SyncRun | None, known: Mapping[str, _Student]) -> dict[str, _Student]:
        """Those among the known that this run has seen on another page."""
        if run is None:
            return {}
        query = select(students.c.id).where(students.c.id.in_(known), students.c.seen_at >= run.began_at)
        return {name: known[name] for name in self._connection.execute(query).scalars()}

    def _write_students(self, changed: Mapping[str, _Student]) -> None:
        if not changed:
            return
        rows: list[dict[str, Any]] = [
            {
                "id": name,
                "first_name": student.first_name,
                "last_name": student.last_name,
                "grade": student.grade,
                "active": True,
                "updated_at": func.now(),
                "seen_at": func.now(),
            }
            for name, student in sorted(changed.items())
        ]
        statement = insert(students).values(rows)
        told = {name: statement.excluded[name] for name in rows[0] if name != "id"}
        self._connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=told))

    def _write_numbers(self, changed: Mapping[str, _Student], before: Mapping[str, _Student]) -> None:
        """Only the difference: a number that stays is there at every moment."""
        wanted = {(name, *number) for name, student in changed.items() for number in student.numbers}
        had = {(name, *number) for name in changed.keys() & before.keys() for number in before[name].numbers}
        if gone := sorted(had - wanted):
            key = tuple_(phones.c.student_id, phones.c.phone, phones.c.kind)
            self._connection.execute(delete(phones).where(key.in_(gone)))
        if added := sorted(wanted - had):
            rows = [{"student_id": name, "phone": phone, "kind": kind} for name, phone, kind in added]
            self._connection.execute(insert(phones).values(rows).on_conflict_do_nothing())

    def _note_flawed(self, flawed: Flawed, good: Iterable[str], school: School) -> None:
        """Keep what a clerk has to put right, and forget what has been."""
        self._connection.execute(delete(unusable_records).where(unusable_records.c.place.in_(sorted(good))))
        if not flawed:
            return
        rows = [
            {
                "place": place,
                "name": record.name,
                "phone": record.written_numbers,
                "problem": flaw.value,
                "fix": how_to_fix(flaw, school.student_id_prefix, *examples(school.country)),
            }
            for place, (record, flaw) in sorted(flawed.items())
        ]
        statement = insert(unusable_records).values(rows)
        told = {name: statement.excluded[name] for name in ("name", "phone", "problem", "fix")}
        self._connection.execute(
            statement.on_conflict_do_update(index_elements=["place"], set_={**told, "last_seen": func.now()})
        )


def _judge(
    records: Sequence[StudentRecord], school: School, page: int, seen: Mapping[str, _Student]
) -> tuple[dict[str, _Student], Flawed]:
    """What can be saved, and what a clerk has to put right; `seen`: students that this run has met already.

    Who is listed twice, once for each guardian, has the numbers of both.
    """
    usable: dict[str, _Student] = {}
    flawed: Flawed = {}
    for position, record in enumerate(records, start=1):
        place = f"page {page}, record {position}"
        flaw = flaw_of_id(record, school.student_id_prefix)
        earlier = usable.get(record.student_id) or seen.get(record.student_id)
        if not flaw and earlier and earlier.name != record.name:
            flaw, place = Flaw.TAKEN_ID, f"{record.student_id}, {place}"
        if flaw:
            flawed[place] = record, flaw
            continue
        guardians = normalise_all(record.guardian_mobile, school.country)
        own = [number for number in normalise_all(record.student_mobile, school.country) if number not in guardians]
        numbers = frozenset([*((number, "guardian") for number in guardians), *((number, "student") for number in own)])
        numbers |= earlier.numbers if earlier else frozenset()
        usable[record.student_id] = _Student(record.first_name, record.last_name, record.grade, True, numbers)
        half_read = any(is_half_read(raw, school.country) for raw in (record.guardian_mobile, record.student_mobile))
        if flaw := flaw_of_contact(record, guardians, own, half_read=half_read):
            flawed[record.student_id] = record, flaw
    return usable, flawed


def _shared_numbers() -> Select[tuple[str]]:
    """Numbers that may ask about students of several surnames: one family, or a number typed in for two."""
    return (
        select(phones.c.phone)
        .join(students, students.c.id == phones.c.student_id)
        .where(students.c.active)
        .group_by(phones.c.phone)
        .having(func.count(func.lower(students.c.last_name).distinct()) > 1)
    )


def _added_to(known: _Student | None, found: _Student) -> _Student:
    """What a look-up makes of a student: a number more at most. One who has left comes back by the sync alone."""
    if known is None:
        return found
    return replace(known, numbers=known.numbers | found.numbers) if known.active else known


def _numbers_of(found: Iterable[_Student]) -> frozenset[str]:
    return frozenset(number for student in found for number, _ in student.numbers)
