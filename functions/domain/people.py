"""Who writes, and whose children they may see."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from functions.domain.errors import InvalidRequest


class Kind(Enum):
    """What we know of the sender."""

    REGISTERED = "registered"  # the number is on record for at least one active student
    VISITOR = "visitor"
    NO_NUMBER = "no number"  # WhatsApp hides the number, and it has not been shared yet
    UNSURE = "unsure"  # our own records cannot be reached now


@dataclass(frozen=True)
class Student:
    """One child."""

    id: str
    first_name: str
    last_name: str
    grade: str

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.id

    def as_json(self) -> dict[str, str]:
        return {"id": self.id, "first_name": self.first_name, "last_name": self.last_name, "grade": self.grade}

    @classmethod
    def read(cls, value: object) -> "Student":
        if not isinstance(value, Mapping) or not value.get("id"):
            raise InvalidRequest("student", "an object with id, first_name, last_name and grade")
        return cls(
            *(str(value.get(name) or "") for name in ("id", "first_name", "last_name", "grade")),
        )


@dataclass(frozen=True)
class Person:
    """The sender as we know them."""

    kind: Kind
    phone: str | None  # E.164
    bsuid: str | None  # WhatsApp's business-scoped user id
    students: tuple[Student, ...] = ()
    profile_name: str | None = None
    opted_out: bool = False  # of what we send first

    @property
    def key(self) -> str:
        """One person, one key: for the queue's group, the cache, the log."""
        return self.bsuid or self.phone or ""

    def as_json(self) -> dict[str, object]:
        return {
            "kind": self.kind.value,
            "phone": self.phone,
            "bsuid": self.bsuid,
            "profile_name": self.profile_name,
            "opted_out": self.opted_out,
            "students": [student.as_json() for student in self.students],
        }

    @classmethod
    def read(cls, value: object) -> "Person":
        """From the state machine's JSON; InvalidRequest names what is wrong."""
        if not isinstance(value, Mapping):
            raise InvalidRequest("person", "an object")
        students = value.get("students") or []
        if not isinstance(students, Sequence):
            raise InvalidRequest("person.students", "a list")
        return cls(
            Kind(value.get("kind")),
            value.get("phone"),
            value.get("bsuid"),
            tuple(Student.read(item) for item in students),
            value.get("profile_name"),
            bool(value.get("opted_out")),
        )
