"""The sample school: the same families for the same seed, with every fee situation a school has, up to a given day."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any, Final

from sqlalchemy import create_engine, delete, func
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.database import tables
from functions.adapters.phone_numbers import normalise_all
from functions.adapters.school_config import FOLDER as CONFIG
from functions.adapters.school_config import load as load_school
from functions.domain.school import School
from functions.domain.terms import Calendar, Term
from local.plan import Plan
from local.world.phones import WAYS_OF_WRITING, Phones

SEED: Final = 20261123
GRADES: Final = ("ECD-A", "ECD-B", *(f"Grade {n}" for n in range(1, 8)), *(f"Form {n}" for n in range(1, 7)))
CENT: Final = Decimal("0.01")
FIRST_FAMILY: Final = 2_200_000  # ends of the phone numbers of generated families …
FIRST_LEARNER: Final = 2_400_000  # … and of their children


class Shape(Enum):
    """How the school's API writes an account down; it is not of one mind."""

    NUMBERS = "amounts as numbers"
    STRINGS = "amounts as strings"
    NO_DATES = "dates left out"
    NULL = "null instead of an empty list"
    ABSENT = "no key instead of an empty list"


@dataclass(frozen=True)
class Line:
    """One charge or payment."""

    kind: str
    amount: Decimal
    day: date


@dataclass(frozen=True)
class Student:
    """One learner as the school's records hold it, phone numbers badly written as they are."""

    id: str
    first_name: str
    last_name: str
    grade: str
    guardian_mobile: str | None
    country: str  # how the numbers are to be read
    student_mobile: str | None = None
    share: Decimal | None = Decimal(100)  # percent paid of the current term's fees; None: nothing posted
    shape: Shape = Shape.NUMBERS
    has_account: bool = True  # False: the school's fee system answers 404
    lines: int = 0  # at least so many lines on the current statement
    joined: int = 2025  # year; nothing was billed before
    is_newcomer: bool = False  # the school has enrolled the child since our last sync

    @property
    def phones(self) -> set[tuple[str, str]]:
        """(E.164, "guardian" or "student") of the numbers that can be used; a shared number is the guardian's."""
        guardians = set(normalise_all(self.guardian_mobile, self.country))
        own = set(normalise_all(self.student_mobile, self.country)) - guardians
        return {(number, "guardian") for number in guardians} | {(number, "student") for number in own}


@dataclass(frozen=True)
class DemoParent:
    """Someone worth trying: a fixed number, and what to expect."""

    name: str
    phone: str  # E.164, as on record
    situation: str
    try_this: str
    user_id: str | None = None  # set: writes without showing the number


@dataclass(frozen=True)
class SampleSchool:
    """Every student, account and demo parent, up to `today`."""

    today: date
    calendar: Calendar
    students: tuple[Student, ...]
    demo_parents: tuple[DemoParent, ...]
    seed: int = SEED
    config: Path = CONFIG

    @classmethod
    def build(cls, today: date, seed: int = SEED, families: int = 150, config: Path = CONFIG) -> "SampleSchool":
        """The demo families and as many generated ones as make `families`, at the school of that configuration."""
        school = load_school(config)
        cast = _Cast(school)
        _cast_demo_families(cast)
        students = [*cast.students, *_generated(school, seed, families - cast.families)]
        return cls(today, school.calendar, tuple(students), tuple(cast.parents), seed, config)

    @classmethod
    def of(cls, plan: Plan) -> "SampleSchool":
        """The school of one run of the local stack."""
        today = plan.today or datetime.now(load_school(plan.config).timezone).date()
        return cls.build(today, plan.seed, config=plan.config)

    @classmethod
    def of_size(cls, students: int, today: date, seed: int = SEED, config: Path = CONFIG) -> "SampleSchool":
        """The same school with more families (or fewer): exactly so many students, if the demo families leave room."""
        school = cls.build(today, seed, families=students, config=config)
        return replace(school, students=school.students[:students])

    @cached_property
    def _by_id(self) -> dict[str, Student]:
        return {student.id: student for student in self.students}

    def student(self, student_id: str) -> Student | None:
        return self._by_id.get(student_id)

    def bills(self, student: Student, code: str) -> list[Line]:
        """What was charged in that term, oldest first."""
        term = self._billed_term(student, code)
        if not term:
            return []
        more = student.lines - student.lines // 2 if self._is_current(term) else 0
        return _bills(student.grade, term, min(self.today, term.ends), more, self._random(student, code))

    def payments(self, student: Student, code: str) -> list[Line]:
        """What was paid for that term by today, oldest first."""
        term = self._billed_term(student, code)
        if not term:
            return []
        total = sum((line.amount for line in self.bills(student, code)), Decimal(0))
        current = self._is_current(term)
        share = (student.share or Decimal(0)) if current else Decimal(100)
        count = student.lines // 2 if current else 0
        return _payments(term, min(self.today, term.ends), total, share, count, self._random(student, code + " paid"))

    def _billed_term(self, student: Student, code: str) -> Term | None:
        term = self.calendar.find(code)
        if not term or term.begins > self.today or term.begins.year < student.joined:
            return None
        return None if self._is_current(term) and student.share is None else term

    def _is_current(self, term: Term) -> bool:
        return term == self.calendar.billing(self.today)

    def _random(self, student: Student, what: str) -> Random:
        return Random(f"{self.seed} {student.id} {what}")

    def children_of(self, phone: str) -> list[Student]:
        """The students that someone with that number may see."""
        return [student for student in self.students if phone in {number for number, _ in student.phones}]

    def demo_as_json(self) -> list[dict[str, Any]]:
        """For GET /sample and `make run`."""
        return [
            {
                "name": parent.name,
                "phone": None if parent.user_id else parent.phone,
                "user_id": parent.user_id,
                "number_on_record": parent.phone,
                "situation": parent.situation,
                "try": parent.try_this,
                "children": [
                    {"id": child.id, "name": f"{child.first_name} {child.last_name}", "grade": child.grade}
                    for child in self.children_of(parent.phone)
                ],
            }
            for parent in self.demo_parents
        ]


def load(database_url: str, school: SampleSchool, office: str = "") -> int:
    """Fill the product's tables as the last nightly sync would have; returns the number of students.

    `database_url` is the primary's, such as `postgresql+pg8000://…`; the schema is there already. Loading again
    changes nothing. `office`: a number that has just written to the assistant, so that it can be notified.
    """
    known = [student for student in school.students if not student.is_newcomer]
    student_rows = [
        {"id": student.id, "first_name": student.first_name, "last_name": student.last_name, "grade": student.grade}
        for student in known
    ]
    phone_rows = [
        {"student_id": student.id, "phone": phone, "kind": kind}
        for student in known
        for phone, kind in sorted(student.phones)
    ]
    engine = create_engine(database_url)
    try:
        with engine.begin() as connection:
            statement = insert(tables.students).values(active=True, updated_at=func.now())
            told = {name: statement.excluded[name] for name in ("first_name", "last_name", "grade", "active")}
            renewed = {**told, "updated_at": statement.excluded.updated_at}
            connection.execute(statement.on_conflict_do_update(index_elements=["id"], set_=renewed), student_rows)
            connection.execute(delete(tables.phones))
            connection.execute(insert(tables.phones), phone_rows)
            if office:
                wrote = insert(tables.contacts).values(phone=office, last_message_at=func.now())
                moment = {"last_message_at": func.now()}
                connection.execute(wrote.on_conflict_do_update(index_elements=["phone"], set_=moment))
    finally:
        engine.dispose()
    return len(student_rows)


# --- accounts ------------------------------------------------------------------------------------------------------


def _tuition(grade: str) -> Decimal:
    level, _, number = grade.partition(" ")
    if level != "Form":
        return Decimal(400)
    return {1: Decimal(650), 2: Decimal(650), 3: Decimal(700), 4: Decimal(700)}.get(int(number), Decimal(750))


def _bills(grade: str, term: Term, latest: date, least: int, random: Random) -> list[Line]:
    """The term's fees, and late pick-ups up to `latest` until there are `least` lines."""
    lines = [Line("Tuition", _tuition(grade), term.begins)]
    if grade.startswith("ECD"):
        lines.append(Line("ECD food", Decimal(50), term.begins))
    elif grade in ("Form 1", "Form 2", "Form 3", "Form 4"):
        lines.append(Line("Practicals", Decimal(50), term.begins))
    elif grade.startswith("Form") and random.random() < 0.5:
        lines.append(Line("Pure sciences", Decimal(100), term.begins))
    if random.random() < 0.25:
        kind, amount = random.choice([("Transport local", 180), ("Transport city", 200), ("Transport one way", 100)])
        lines.append(Line(kind, Decimal(amount), term.begins))
    more = max(least - len(lines), 0)
    days = (latest - term.begins).days
    lines += [Line("Late pick-up", Decimal(10), term.begins + timedelta(days * n // more)) for n in range(more)]
    return lines


def _payments(term: Term, latest: date, total: Decimal, share: Decimal, count: int, random: Random) -> list[Line]:
    """Instalments that make exactly that share of the total, between two weeks before term and `latest`."""
    paid = (total * share / 100).quantize(CENT, rounding=ROUND_HALF_UP)
    if paid <= 0:
        return []
    count = count or random.choice([1, 1, 2, 3])
    first = term.begins - timedelta(days=14)
    days = sorted(random.randint(0, (latest - first).days) for _ in range(count))
    each = (paid / count).quantize(Decimal(1) if paid > 10 * count else CENT)
    amounts = [each] * (count - 1) + [paid - each * (count - 1)]
    return [
        Line("Tuition", amount, first + timedelta(day)) for amount, day in zip(amounts, days, strict=True) if amount > 0
    ]


# --- families ------------------------------------------------------------------------------------------------------

_NAMES: Final = (
    "Anesu Anotida Blessing Charity Chenai Chido Chiedza Chipo Fadzai Farai Fungai Gamuchirai Garikai Hazvinei Itai "
    "Kudakwashe Kudzai Kupakwashe Leroy Lindiwe Makanaka Mazvita Mufaro Munashe Munyaradzi Natsai Ngonidzashe "
    "Nokutenda Nomsa Nyasha Panashe Patience Praise Rufaro Rumbidzai Rutendo Ruvarashe Ruvimbo Sekai Shamiso Simba "
    "Sipho Tadiwanashe Tafadzwa Takudzwa Tanaka Tapiwa Tariro Tatenda Tawananyasha Tendai Thabo Thandiwe Tinashe "
    "Tinotenda Tsitsi Vimbai Wadzanai Yeukai Zanele Zvikomborero"
).split()
_SURNAMES: Final = (
    "Banda Chari Chigumba Chikwanha Chinembiri Chirwa Chitando Chiwenga Dhliwayo Dube Gono Gumbo Gwatidzo Hove "
    "Jaravaza Kanyemba Kunaka Machingura Madziva Magaya Mahere Makoni Mandaza Mapfumo Marufu Masuku Matibenga Mhlanga "
    "Moyo Mpofu Mudzuri Mugabe Mukanya Munemo Murwira Musarurwa Mutasa Muzenda Mwale Ncube Ndlovu Ngwenya Nkomo Nyathi "
    "Nyoni Phiri Rusike Shumba Sibanda Sithole Tsvangirai Tshuma Zhou Zimuto Zvobgo"
).split()
_SHARES: Final = (0, 20, 35, 45, 55, 60, 70, 75, 80, 90, 100, 100, 100, 100, 105, 120)


@dataclass
class _Cast:
    """Collects the demo families; student ids and ways of writing follow from the order."""

    school: School
    students: list[Student] = field(default_factory=list)
    parents: list[DemoParent] = field(default_factory=list)
    families: int = 0

    @property
    def next_id(self) -> str:
        return f"{self.school.student_id_prefix}2025{len(self.students) + 1:04d}"

    @cached_property
    def phones(self) -> Phones:
        return Phones(self.school.country)

    def number(self, place: int) -> str:
        """Of a demo parent, in E.164."""
        return self.phones.number(2_100_000 + place)

    def family(
        self,
        parent: str,
        phone: str,
        situation: str,
        try_this: str,
        children: Iterable[tuple[str, str, int | str | None]],
        *,
        user_id: str | None = None,
        recorded: str | None = None,
        **peculiar: Any,
    ) -> None:
        """One parent and the children: (full name, grade, percent paid); `recorded` is what the school wrote down."""
        self.families += 1
        self.parents.append(DemoParent(parent, phone, situation, try_this, user_id))
        for name, grade, share in children:
            first, last = name.split()
            paid = None if share is None else Decimal(share)
            written = recorded or self.phones.written(phone, len(self.students) + 1)
            self.add(first, last, grade, written, share=paid, **peculiar)

    def add(self, first_name: str, last_name: str, grade: str, mobile: str, **peculiar: Any) -> None:
        country = self.school.country
        self.students.append(Student(self.next_id, first_name, last_name, grade, mobile, country, **peculiar))

    def promise(self, percent: int) -> str:
        """What the school's rules give for that share of the fees."""
        validity = next((tier.validity for tier in self.school.tiers if percent >= tier.from_percent), None)
        until = {"term": "the end of term", "month": "the end of the month"}
        if validity is None:
            return "no gate pass yet"
        return f"pass until {until.get(validity.rule, f'{validity.days} days before the end of term')}"

    def also(self, parent: str, phone: str, situation: str, try_this: str) -> None:
        """Another person who may see children that are there already."""
        self.parents.append(DemoParent(parent, phone, situation, try_this))


def _cast_demo_families(cast: _Cast) -> None:
    """The demo parents: numbers that end in 2 100 0xx. New ones go to the end, since ids follow the order."""
    number, written = cast.number, cast.phones.written
    together = written(number(11), 1)
    cast.family(
        "Rudo Moyo",
        number(1),
        f"one child, 40 % paid: {cast.promise(40)}",
        "gate pass",
        [("Tariro Moyo", "Grade 3", 40)],
    )
    cast.family(
        "Tendai Ncube", number(2), f"exactly 50 % paid: {cast.promise(50)}", "gate pass",
        [("Thabo Ncube", "Form 1", 50)],
    )  # fmt: skip
    cast.family(
        "Chipo Dube", number(3), f"exactly 70 % paid: {cast.promise(70)}", "gate pass",
        [("Lindiwe Dube", "Grade 6", 70)],
    )  # fmt: skip
    cast.family("Farai Sibanda", number(4), "75 % paid", "balance", [("Sipho Sibanda", "Form 3", 75)])
    cast.family(
        "Nyasha Chikwanha", number(5), f"fully paid: {cast.promise(100)}", "gate pass",
        [("Anesu Chikwanha", "Grade 1", 100)],
    )  # fmt: skip
    cast.family("Tatenda Mutasa", number(6), "overpaid: credit", "balance", [("Mufaro Mutasa", "Form 5", 110)])
    cast.family("Kudzai Marufu", number(7), "no fees posted yet", "balance", [("Chido Marufu", "ECD-A", None)])
    cast.family(
        "Ruvimbo Gumbo", number(8), "two children, one paid, one owing", "balance",
        [("Tanaka Gumbo", "Grade 4", 100), ("Tinashe Gumbo", "Form 2", 40)],
    )  # fmt: skip
    cast.family(
        "Tapiwa Zhou", number(9), "three children: 75 %, 50 % and nothing paid", "how much do I owe?",
        [("Panashe Zhou", "ECD-B", 75), ("Rutendo Zhou", "Grade 5", 50), ("Simba Zhou", "Form 4", 0)],
    )  # fmt: skip
    cast.family(
        "Memory Banda", number(10), "five children", "gate pass",
        [
            ("Natsai Banda", "ECD-A", 100), ("Itai Banda", "Grade 2", 80), ("Chenai Banda", "Grade 7", 60),
            ("Garikai Banda", "Form 2", 30), ("Sekai Banda", "Form 6", 100),
        ],
    )  # fmt: skip
    cast.family(
        "Simba Nyathi", number(11), "one child with two guardians", "balance", [("Zanele Nyathi", "Form 1", 65)],
        recorded=f"{together[:4]} {together[4:7]} {together[7:]} / {written(number(12), 1)}",
    )  # fmt: skip
    cast.also("Thandiwe Nyathi", number(12), "the other guardian of the same child", "balance")
    cast.family(
        "Grace Hove", number(13), "guards children of two families", "balance", [("Rufaro Hove", "Grade 3", 90)]
    )
    cast.family(
        "Peter Makoni", number(14), "his child is also guarded by Grace Hove", "balance",
        [("Tsitsi Makoni", "Grade 3", 55)], recorded=f"{written(number(13), 4)}; {written(number(14), 5)}",
    )  # fmt: skip
    cast.family(
        "Blessing Phiri", number(15), "a statement of 120 lines: comes as a PDF", "statement",
        [("Praise Phiri", "Grade 2", 80)], lines=120,
    )  # fmt: skip
    cast.family(
        "Munashe Chirwa", number(16), "the school's fee system does not know the child (404)", "balance",
        [("Vimbai Chirwa", "Grade 1", 100)], has_account=False,
    )  # fmt: skip
    cast.family(
        "Rutendo Mpofu", number(17), "amounts come as strings", "statement", [("Nomsa Mpofu", "Form 4", 72)],
        shape=Shape.STRINGS,
    )  # fmt: skip
    cast.family(
        "Tafadzwa Shumba", number(18), "dates are missing", "statement", [("Leroy Shumba", "Grade 5", 60)],
        shape=Shape.NO_DATES,
    )  # fmt: skip
    cast.family(
        "Wadzanai Gono", number(19), "nothing paid; `payments` is null", "balance", [("Praise Gono", "Form 3", 0)],
        shape=Shape.NULL,
    )  # fmt: skip
    cast.family(
        "Yeukai Rusike", number(20), "nothing posted; `bills` and `payments` are absent", "gate pass",
        [("Fungai Rusike", "Grade 7", None)], shape=Shape.ABSENT,
    )  # fmt: skip
    cast.family(
        "Charity Mwale", number(21), "69.9 % paid: not yet 70", "gate pass", [("Patience Mwale", "Grade 2", "69.9")]
    )
    cast.family(
        "Sibongile Tshuma", number(22), "her child in Form 6 may write too", "balance",
        [("Munyaradzi Tshuma", "Form 6", 85)], student_mobile=written(number(23), 6),
    )  # fmt: skip
    cast.also("Munyaradzi Tshuma", number(23), "the learner himself", "statement")
    cast.family(
        "Amina Yusuf", number(24), f"hides her number; sharing {number(24)} proves who she is", "hi",
        [("Shamiso Yusuf", "Grade 4", 100)], user_id=f"{cast.school.country}.24018735520917346650",
    )  # fmt: skip
    cast.also("A visitor", cast.phones.number(2_900_001), "not a parent of the school", "admissions")
    cast.family(
        "Ropafadzo Mahere", number(25), "enrolled today, before the nightly sync: the student number tells who she is",
        f"balance {cast.next_id}", [("Takudzwa Mahere", "Form 1", 60)], is_newcomer=True,
    )  # fmt: skip
    # The clerk left out a digit: the sync says so.
    cast.add("Rumbidzai", "Kunaka", "Grade 2", cast.phones.unreadable(number(20)), is_newcomer=True)


def _generated(school: School, seed: int, families: int) -> Iterable[Student]:
    """Ordinary families with one to three children, badly written numbers that end in 220xxxx and up."""
    random = Random(seed)
    phones = Phones(school.country)
    number = 0
    for family in range(families):
        surname = random.choice(_SURNAMES)
        phone = phones.number(FIRST_FAMILY + family)
        for _ in range(random.choice([1, 1, 2, 2, 3])):
            number += 1
            grade = random.choice(GRADES)
            mobile = (
                phones.written(phone, random.randrange(WAYS_OF_WRITING))
                if random.random() < 0.96
                else random.choice(["nan", "", None])
            )
            has_own = grade in ("Form 5", "Form 6") and random.random() < 0.5
            joined = random.choice([2025, 2025, 2026])
            yield Student(
                f"{school.student_id_prefix}{joined}{1000 + number}",
                random.choice(_NAMES),
                surname,
                grade,
                mobile,
                school.country,
                student_mobile=phones.written(phones.number(FIRST_LEARNER + number), random.randrange(WAYS_OF_WRITING))
                if has_own
                else random.choice(["", "nan", None]),
                share=Decimal(random.choice(_SHARES)) if random.random() < 0.95 else None,
                shape=random.choice([Shape.NUMBERS] * 6 + list(Shape)),
                joined=joined,
            )
