"""The sample school is the same every time and holds every situation that the product must know."""

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.world.sample import Line, SampleSchool, Shape, Student, load
from tests.conftest import Database

TODAY = date(2026, 11, 23)
SCHOOL = SampleSchool.build(TODAY)
TERM = "2026-3"


def total(lines: list[Line]) -> Decimal:
    return sum((line.amount for line in lines), Decimal(0))


def share(student: Student) -> Decimal | None:
    billed = total(SCHOOL.bills(student, TERM))
    return total(SCHOOL.payments(student, TERM)) * 100 / billed if billed else None


def child(phone: str) -> Student:
    (found,) = SCHOOL.children_of(phone)
    return found


def test_its_size() -> None:
    assert len(SCHOOL.students) >= 200
    assert len({student.id for student in SCHOOL.students}) == len(SCHOOL.students)
    parents = {phone for student in SCHOOL.students for phone, kind in student.phones if kind == "guardian"}
    assert 140 <= len(parents) <= 160


def test_the_same_seed_makes_the_same_school() -> None:
    again = SampleSchool.build(TODAY)
    assert again.students == SCHOOL.students
    assert [again.payments(s, TERM) for s in again.students] == [SCHOOL.payments(s, TERM) for s in SCHOOL.students]
    assert SampleSchool.build(TODAY, seed=1).students != SCHOOL.students


def test_it_grows() -> None:
    larger = SampleSchool.build(TODAY, families=1500)
    assert len(larger.students) > 2000
    assert len({student.id for student in larger.students}) == len(larger.students)


def test_it_is_of_any_size_and_the_families_stay() -> None:
    larger = SampleSchool.of_size(3000, TODAY)
    assert len(larger.students) == 3000
    assert larger.students[: len(SCHOOL.students)] == SCHOOL.students


def test_newcomers_are_known_to_the_school_alone(database: Database) -> None:
    newcomers = {student.id for student in SCHOOL.students if student.is_newcomer}
    assert child("+263772100025").id in newcomers
    assert load(database.url, SCHOOL) == len(SCHOOL.students) - len(newcomers)
    assert not newcomers & {row["id"] for row in database.run("SELECT id FROM students")}


def test_the_office_has_written_today_so_that_it_can_be_notified_from_the_start(database: Database) -> None:
    load(database.url, SCHOOL, office="+263772000900")
    load(database.url, SCHOOL, office="+263772000900")  # a second start
    assert database.value(
        "SELECT last_message_at > now() - interval '1 hour' FROM contacts WHERE phone = '+263772000900'"
    )


@pytest.mark.parametrize(
    ("phone", "percent"),
    [
        ("+263772100001", 40),
        ("+263772100002", 50),
        ("+263772100003", 70),
        ("+263772100004", 75),
        ("+263772100005", 100),
        ("+263772100006", 110),
        ("+263772100007", None),
        ("+263772100019", 0),
        ("+263772100021", Decimal("69.9")),
    ],
)
def test_the_demo_parents_have_paid_exactly_their_share(phone: str, percent: Decimal | None) -> None:
    assert share(child(phone)) == percent


@pytest.mark.parametrize(
    ("phone", "count"), [("+263772100008", 2), ("+263772100009", 3), ("+263772100010", 5), ("+263772900001", 0)]
)
def test_families(phone: str, count: int) -> None:
    assert len(SCHOOL.children_of(phone)) == count


def test_guardians_who_share() -> None:
    assert child("+263772100011") == child("+263772100012")
    surnames = {student.last_name for student in SCHOOL.children_of("+263772100013")}
    assert surnames == {"Hove", "Makoni"}
    assert child("+263772100014").last_name == "Makoni"
    assert child("+263772100023").phones == {("+263772100022", "guardian"), ("+263772100023", "student")}


def test_the_long_statement() -> None:
    student = child("+263772100015")
    assert len(SCHOOL.bills(student, TERM)) + len(SCHOOL.payments(student, TERM)) == 120
    assert len(SCHOOL.bills(student, "2026-2")) < 5


def test_every_demo_parent_is_known_by_number_except_the_visitor() -> None:
    for parent in SCHOOL.demo_parents:
        assert bool(SCHOOL.children_of(parent.phone)) == (parent.name != "A visitor")


def test_badly_written_numbers_are_there() -> None:
    written = {student.guardian_mobile for student in SCHOOL.students}
    assert {"nan", ""} & written
    assert any(text and text.startswith("(") for text in written)
    assert any(text and text.endswith(".0") for text in written)
    assert {student.shape for student in SCHOOL.students} == set(Shape)


@settings(deadline=None, max_examples=50)
@given(st.dates(date(2025, 1, 1), date(2027, 12, 31)))
def test_nothing_is_dated_after_today(today: date) -> None:
    school = SampleSchool.build(today, families=40)
    for student in school.students:
        for term in school.calendar.terms:
            lines = school.bills(student, term.code) + school.payments(student, term.code)
            assert all(line.day <= today for line in lines)
            assert term.begins <= today or not lines
            assert all(line.amount > 0 for line in lines)
