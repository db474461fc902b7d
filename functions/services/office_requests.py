"""Parents who ask for a person: a request is opened, and the office is notified."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.adapters import observability
from functions.adapters.database.connection import Database
from functions.adapters.database.office_requests import QUESTION, OfficeRequests
from functions.domain import proofs
from functions.domain.conversation import Plan
from functions.domain.intents import Intent
from functions.domain.messages import Message
from functions.domain.school import School


@dataclass(frozen=True)
class OfficeDesk:
    """Opens requests."""

    database: Database
    school: School

    def open(self, message: Message, plan: Plan) -> dict[str, Any]:
        """`{"number", "notified", "notify_by"}`.

        `notified`: the office knows of it already, from an earlier try or from its own app. `notify_by`: how it is to
        be notified now, `message` or `template`; None where it knows already or cannot be reached.
        """
        if plan.addition:
            return self._add(message)
        with self.database.writer() as connection:
            requests = OfficeRequests(connection)
            in_app = self.school.office.coexistence
            is_proof = plan.intent == Intent.PROOF and plan.students
            kind = proofs.kind_of_request(plan.students[0].id) if is_proof else QUESTION
            opened = requests.open(message, plan.question or "", urgent=plan.urgent, seen=in_app, kind=kind)
            is_reachable = requests.office_is_reachable(self.school.office.whatsapp)
        has_template = bool(self.school.office.whatsapp and self.school.templates.office)
        observability.count("OfficeRequests")
        notify_by = "message" if is_reachable else "template" if has_template else None
        return {
            "number": opened.number,
            "notified": opened.notified,
            "notify_by": None if opened.failed or opened.notified else notify_by,
        }

    def _add(self, message: Message) -> dict[str, Any]:
        """The request that the office has already; a template could not carry the words."""
        with self.database.writer() as connection:
            requests = OfficeRequests(connection)
            number = requests.number_with_office([message.phone, message.bsuid])
            is_reachable = requests.office_is_reachable(self.school.office.whatsapp)
        return {"number": number, "notified": False, "notify_by": "message" if number and is_reachable else None}


def read(event: Mapping[str, Any]) -> tuple[Message, Plan]:
    """The message and the plan of a state machine's event; InvalidRequest names the field."""
    return Message.read(event.get("message")), Plan.read(event["plan"])
