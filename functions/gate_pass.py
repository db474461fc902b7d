"""Applies the gate-pass rules, records the pass, draws the PDF and stores it."""

from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from functions.adapters import clock, files, observe, warm
from functions.adapters.school_config import school
from functions.adapters.settings import from_environment
from functions.domain.accounts import Account
from functions.domain.documents import GatePassDocument, Letterhead
from functions.domain.errors import InvalidRequest
from functions.domain.gate_passes import Decision, Delivery, decide, delivery
from functions.domain.people import Student


@dataclass(frozen=True)
class Settings:
    database_writer_url: str
    database_auth: str
    documents_bucket: str
    public_url: str


@cache
def settings() -> Settings:
    return from_environment(Settings)


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message_id", "student", "account", "phone"}` -> a refusal with what is missing, or the pass and its file."""
    settings()
    student, account = Student.read(event.get("student")), Account.read(event.get("account") or {})
    today = clock.now(school().timezone).date()
    figures = account.students.get(student.id)
    if account.stale:
        raise InvalidRequest("account", "fresh figures: a gate pass is never decided on stale ones")
    if figures is None:
        raise InvalidRequest("account", f"the figures of {student.id}")
    decision = decide(figures.balance, school().calendar.find(account.term), today, school().tiers)
    percent = figures.balance.percent_paid
    found = refused(decision) if decision.refusal else issued(event, student, account.term, decision, percent, today)
    return found | {"percent_paid": percent}


def refused(decision: Decision) -> dict[str, Any]:
    """Why there is no pass, and what is missing."""
    return {
        "refusal": decision.refusal.value if decision.refusal else None,
        "missing": str(decision.missing),
        "percent_needed": decision.percent_needed,
    }


def issued(
    event: dict[str, Any], student: Student, term: str, decision: Decision, percent: int, today: date
) -> dict[str, Any]:
    """The pass, its PDF stored before it is committed: all of it happens, or nothing."""
    from functions.adapters import database, passes

    if decision.tier is None or decision.valid_until is None:
        raise InvalidRequest("decision", "a tier and a last day")
    with database.writer() as connection:
        week = passes.request_of_week(connection, str(event["message_id"]), student.id, today)
        given, outcome = passes.next_pass(
            connection,
            student,
            term,
            decision.tier,
            school().tiers,
            percent,
            today,
            decision.valid_until,
            event.get("phone"),
        )
        form = delivery(week, school().weekly_documents, school().weekly_requests)
        if given.media_id is None:
            form = Delivery.DOCUMENT  # the parent has not got it yet: without its QR code it is worth nothing
        if outcome != "resent":
            files.put(settings().documents_bucket, given.file_key, draw(given, student), "application/pdf")
    observe.log().info("gate pass", outcome=outcome, number=given.number, request_of_week=week)
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


def draw(given: Any, student: Student) -> bytes:
    """The PDF of a pass."""
    from functions.adapters.documents.gate_pass import gate_pass_pdf

    term = school().calendar.find(given.term)
    return gate_pass_pdf(
        GatePassDocument(
            letterhead=Letterhead.of(school()),
            child_name=student.name,
            student_id=student.id,
            grade=student.grade,
            pass_number=given.number,
            issued=given.issued_on,
            valid_until=given.valid_until,
            share_paid=f"{given.percent_paid} % of {term.title.split(',')[0] if term else given.term} fees",
            parent_phone=given.issued_to,
            verify_url=f"{settings().public_url}/passes/{given.token}",
        )
    )


def ready() -> None:
    """Connected to the primary, and able to draw."""
    from functions.adapters import database, passes  # noqa: F401
    from functions.adapters.documents import gate_pass  # noqa: F401

    database.ready(settings().database_writer_url)


warm.ahead(school, ready)
