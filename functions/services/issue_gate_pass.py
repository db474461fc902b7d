"""Applies the gate-pass rules, records the pass, draws the PDF and stores it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from functions.adapters import clock, observability
from functions.adapters.database.connection import Database
from functions.adapters.database.gate_passes import GatePass, GatePasses
from functions.adapters.document_store import DocumentStore
from functions.adapters.documents.gate_pass import gate_pass_pdf
from functions.domain.accounts import Account
from functions.domain.documents import GatePassDocument, Letterhead
from functions.domain.errors import InvalidRequest
from functions.domain.gate_passes import Decision, Delivery, Refusal, decide, delivery
from functions.domain.people import Student
from functions.domain.school import School


@dataclass(frozen=True)
class PassRequest:
    """One parent's request for one child."""

    message_id: str
    student: Student
    account: Account
    phone: str | None  # E.164, printed with its middle digits hidden

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "PassRequest":
        """From `{"message_id", "student", "account", "phone"}`; InvalidRequest names the field."""
        account = Account.read(event.get("account") or {})
        student = Student.read(event.get("student"))
        if account.stale:
            raise InvalidRequest("account", "fresh figures: a gate pass is never decided on stale ones")
        if account.students.get(student.id) is None:
            raise InvalidRequest("account", f"the figures of {student.id}")
        return cls(str(event["message_id"]), student, account, event.get("phone"))


@dataclass(frozen=True)
class GatePassIssuer:
    """The rules are in `domain/gate_passes.py`."""

    database: Database
    documents: DocumentStore
    public_url: str
    school: School

    def issue(self, request: PassRequest) -> dict[str, Any]:
        """A refusal with what is missing, or the pass and its file."""
        today = clock.now(self.school.timezone).date()
        figures = request.account.students[request.student.id]
        assert figures is not None  # parse has checked it
        term = self.school.calendar.find(request.account.term)
        decision = decide(figures.balance, term, today, self.school.tiers)
        percent = figures.balance.percent_paid
        found = _refusal(decision) if decision.refusal else self._record(request, decision, percent, today)
        return found | {"percent_paid": percent}

    def _record(self, request: PassRequest, decision: Decision, percent: int, today: date) -> dict[str, Any]:
        """The pass, and its PDF, which is stored before the commit: both exist, or neither."""
        if decision.tier is None or decision.valid_until is None:
            raise InvalidRequest("decision", "a tier and a last day")
        student, term = request.student, request.account.term
        with self.database.writer() as connection:
            passes = GatePasses(connection)
            week = passes.count_request(request.message_id, student.id, today)  # locks the child
            if passes.is_withheld(student.id, term):
                return _refusal(Decision(refusal=Refusal.WITHDRAWN))
            given, outcome = passes.next_pass(
                student,
                term,
                decision.tier,
                self.school.tiers,
                percent,
                today,
                decision.valid_until,
                request.phone,
            )
            form = delivery(week, self.school.weekly_documents, self.school.weekly_requests)
            if given.media_id is None:
                form = Delivery.DOCUMENT  # the parent does not have the QR code yet
            if outcome != "resent":
                self.documents.put(given.file_key, self._draw(given, student), "application/pdf")
        observability.logger().info("gate pass", outcome=outcome, number=given.number, request_of_week=week)
        return {
            "outcome": outcome,
            "delivery": form.value,
            "request_of_week": week,
            "pass_id": given.id,
            "number": given.number,
            "valid_until": given.valid_until.isoformat(),
            "file_key": given.file_key,
            "media_id": given.media_id,
        }

    def _draw(self, given: GatePass, student: Student) -> bytes:
        term = self.school.calendar.find(given.term)
        return gate_pass_pdf(
            GatePassDocument(
                letterhead=Letterhead.of(self.school),
                child_name=student.name,
                student_id=student.id,
                grade=student.grade,
                pass_number=given.number,
                issued=given.issued_on,
                valid_until=given.valid_until,
                share_paid=f"{given.percent_paid} % of {term.title.split(',')[0] if term else given.term} fees",
                parent_phone=given.issued_to,
                verify_url=f"{self.public_url}/passes/{given.token}",
            )
        )


def _refusal(decision: Decision) -> dict[str, Any]:
    """Why there is no pass, and what is missing."""
    return {
        "refusal": decision.refusal.value if decision.refusal else None,
        "missing": str(decision.missing),
        "percent_needed": decision.percent_needed,
    }
