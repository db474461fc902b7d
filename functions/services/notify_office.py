"""Tells the office about a parent's request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from functions.adapters.whatsapp.media import WhatsAppMedia
from functions.domain import proofs, wording
from functions.domain.conversation import Plan
from functions.domain.intents import Intent
from functions.domain.messages import OFFICE_NOTICE, Message
from functions.domain.people import Kind, Person, Student
from functions.domain.proofs import ProofFile
from functions.domain.replies import Reply
from functions.domain.school import School
from functions.services.outbound import Outbound, no_file


@dataclass(frozen=True)
class Notification:
    """One request of a parent, for the office."""

    message: Message
    person: Person
    question: str
    number: int
    as_template: bool  # the office's 24-hour window is closed
    urgent: bool = False
    addition: bool = False  # to a request that the office knows of
    student: Student | None = None  # whose proof of payment it is
    file: ProofFile | None = None

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "Notification":
        """From `{"message", "person", "plan", "request": {"number", "notify_by"}}`."""
        request, plan = event["request"], Plan.read(event["plan"])
        return cls(
            Message.read(event.get("message")),
            Person.read(event.get("person")),
            plan.question or "",
            int(request["number"]),
            request["notify_by"] == "template",
            plan.urgent,
            plan.addition,
            plan.students[0] if plan.students else None,
            ProofFile.read(plan.entry) if plan.intent == Intent.PROOF else None,
        )


@dataclass(frozen=True)
class OfficeNotifier:
    """The office has a WhatsApp number of its own (`config/school.toml`)."""

    outbound: Outbound
    media: WhatsAppMedia
    school: School

    def notify(self, notification: Notification) -> dict[str, Any]:
        """Send the notification; returns what `Outbound.send` does."""
        person, number = notification.person, notification.number
        template = wording.office_template(person, number, self.school, urgent=notification.urgent)
        reply: Reply | None = None
        file, student = notification.file, notification.student
        if notification.addition:
            reply, template = wording.compose_office_addition(person, notification.question, number), None
        elif file and student and not notification.as_template:
            reply = wording.compose_proof_notification(person, student, number, file)
        elif not notification.as_template:
            reply = wording.compose_office_notification(
                person, notification.question, number, self.school, urgent=notification.urgent
            )
        office = Person(Kind.VISITOR, self.school.office.whatsapp, None)
        sent = self.outbound.send(
            reply, template, office, f"{notification.message.id}{OFFICE_NOTICE}", self._file(file)
        )
        return {"notified": sent["status"] in ("sent", "incomplete"), "notification_id": sent.get("reply_id")}

    def _file(self, file: ProofFile | None) -> Callable[[], bytes]:
        """Fetches the file that the parent has sent; it is passed on unopened, and kept nowhere."""
        if file is None:
            return no_file
        return lambda: self.media.fetch(file.media_id, (file.mime_type,), proofs.MOST_BYTES)
