"""Sends a parent what staff of the school wrote or did."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.domain import wording
from functions.domain.errors import InvalidRequest
from functions.domain.messages import STAFF_LETTER, Message
from functions.domain.people import Kind, Person
from functions.domain.replies import Reply, Template
from functions.domain.school import School
from functions.services.outbound import Outbound


@dataclass(frozen=True)
class Letter:
    """One message to one parent."""

    about: str  # the message with the command
    to: Person
    details: Mapping[str, Any]  # `kind`: reply (with `words`) or revocation (with `child` and `number`)
    as_template: bool  # the parent's 24-hour window is closed

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "Letter":
        """From `{"message", "request": {"letter"}}`; InvalidRequest names the field."""
        letter = event["request"]["letter"]
        if letter.get("kind") not in ("reply", "revocation"):
            raise InvalidRequest("letter.kind", "reply or revocation")
        to = Person(Kind.VISITOR, letter.get("phone"), letter.get("bsuid"))
        return cls(Message.read(event.get("message")).id, to, letter, bool(letter.get("as_template")))


@dataclass(frozen=True)
class LetterWriter:
    """A free message within the parent's 24 hours, else an approved template."""

    outbound: Outbound
    school: School

    def write(self, letter: Letter) -> dict[str, Any]:
        """`{"delivered"}`: `message`, `template`, or None where the parent cannot be reached."""
        reply, template = self._compose(letter)
        sent = self.outbound.send(
            None if letter.as_template else reply, template, letter.to, f"{letter.about}{STAFF_LETTER}"
        )
        return {"delivered": sent.get("form") if sent["status"] in ("sent", "incomplete") else None}

    def _compose(self, letter: Letter) -> tuple[Reply, Template | None]:
        details, school = letter.details, self.school
        if details["kind"] == "reply":
            return wording.compose_office_reply(str(details["words"]), school), wording.reopen_template(school)
        child, number = str(details["child"]), str(details["number"])
        return wording.compose_revocation(child, number, school), wording.revocation_template(child, number, school)
