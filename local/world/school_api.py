"""The school's API (its School Management System), with its inconsistent shapes and its ceilings."""

import secrets
import time
from collections import defaultdict, deque
from collections.abc import Callable, Mapping
from dataclasses import replace
from decimal import Decimal, InvalidOperation
from math import ceil
from typing import Any, Final
from urllib.parse import urlencode

from local.plan import Plan
from local.world.faults import Fault
from local.world.http_server import Request, Response
from local.world.profile import InvalidSetting, Profile
from local.world.sample import Line, SampleSchool, Shape, Student

PATHS: Final = {
    "student/billed-fee-types": "billed-fees",
    "student/payments": "payments",
    "student-account-statement": "statement",
    "student/profile": "profile",
    "school/students/data": "students",
    "health": "health",
}
LARGEST_PAGE: Final = 500
WINDOW: Final = 60.0  # seconds over which a ceiling counts


class Refused(Exception):
    """An answer other than 200."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.response = Response.of({"detail": detail}, status, headers)


class SchoolApi:
    """Answers from the sample school."""

    computes = False

    def __init__(self, plan: Plan, school: SampleSchool) -> None:
        self._authorisation = f"Api-Key {plan.school_api_key}".encode()
        self._base = plan.school_api_url.rstrip("/")
        self._recent: defaultdict[str, deque[float]] = defaultdict(deque)
        self._booked: defaultdict[tuple[str, str], list[Line]] = defaultdict(list)
        self.school = school

    def book(self, values: Any) -> dict[str, str]:
        """Book a payment; the fields of its notice. InvalidSetting names a wrong field."""
        if not isinstance(values, Mapping) or (student := self.school.student(str(values.get("student_id")))) is None:
            raise InvalidSetting("student_id", "a student of the sample school")
        try:
            amount = Decimal(str(values.get("amount"))).quantize(Decimal("0.01"))
        except InvalidOperation:
            raise InvalidSetting("amount", "an amount such as 100.00") from None
        term = str(values.get("term") or self.school.calendar.billing(self.school.today).code)
        self._booked[student.id, term].append(Line("Tuition", amount, self.school.today))
        written = {"amount": f"{amount:.2f}", "fee_type": "Tuition", "date": self.school.today.isoformat()}
        return {"student_id": student.id, "term": term, **written}

    def operation(self, request: Request) -> str:
        return PATHS.get(request.path.removeprefix("/school").strip("/"), "unknown")

    def detail(self, request: Request, response: Response | None) -> str:
        """The student and term."""
        names = ("student_id_number", "term", "page")
        return " ".join(request.query[name] for name in names if name in request.query)

    def failure(self, fault: Fault) -> Response:
        details = {
            401: "Authentication credentials were not provided.",
            404: "Not found.",
            429: "Request was throttled.",
        }
        after = fault.retry_after if fault.retry_after is not None else (1 if fault.status == 429 else None)
        headers = {} if after is None else {"Retry-After": str(after)}
        return Response.of({"detail": details.get(fault.status, "A server error occurred.")}, fault.status, headers)

    def answer(self, request: Request, profile: Profile, fault: Fault | None) -> Response:
        try:
            response = Response.of(self._route(request, profile))
        except Refused as refused:
            response = refused.response
        if "x-request-id" in request.headers:
            headers = {**response.headers, "X-Request-ID": request.headers["x-request-id"]}
            response = replace(response, headers=headers)
        return response

    def _route(self, request: Request, profile: Profile) -> dict[str, Any]:
        operation = self.operation(request)
        if operation == "health":
            return {"status": "ok"}
        if operation == "unknown":
            raise Refused(404, "Not found.")
        if not secrets.compare_digest(request.headers.get("authorization", "").encode(), self._authorisation):
            raise Refused(401, "Authentication credentials were not provided.")
        if request.method != "GET":
            raise Refused(405, f'Method "{request.method}" not allowed.')
        self._count(operation, profile.school_calls_per_minute)
        if operation == "students":
            return self._page(request.query)
        student = self._student(request.query)
        if operation == "profile":
            return {"data": _profile(student)}
        if not student.has_account:
            raise Refused(404, "Student not found.")
        term = request.query.get("term", "")
        if not term:
            raise Refused(400, "term: this parameter is required.")
        bills = self.school.bills(student, term)
        payments = [*self.school.payments(student, term), *self._booked[student.id, term]]
        if operation == "billed-fees":
            return {"data": _lines("bills", bills, student.shape)}
        if operation == "payments":
            return {"data": _lines("payments", payments, student.shape)}
        return {"data": _statement(student, term, bills, payments)}

    def _count(self, operation: str, ceiling: int) -> None:
        """Enforce the ceiling over a sliding minute, per operation; refused calls do not count."""
        now = time.monotonic()
        recent = self._recent[operation]
        while recent and recent[0] <= now - WINDOW:
            recent.popleft()
        if ceiling and len(recent) >= ceiling:
            wait = ceil(recent[0] + WINDOW - now)
            raise Refused(
                429, f"Request was throttled. Expected available in {wait} seconds.", {"Retry-After": str(wait)}
            )
        recent.append(now)

    def _student(self, query: Mapping[str, str]) -> Student:
        name = query.get("student_id_number", "")
        if not name:
            raise Refused(400, "student_id_number: this parameter is required.")
        student = self.school.student(name)
        if student is None:
            raise Refused(404, "Student not found.")
        return student

    def _page(self, query: Mapping[str, str]) -> dict[str, Any]:
        page, size = _number(query, "page", 1), min(_number(query, "page_size", 50), LARGEST_PAGE)
        found = self.school.students[(page - 1) * size : page * size]
        if not found and page > 1:
            raise Refused(404, "Invalid page.")
        more = page * size < len(self.school.students)
        following = f"{self._base}/school/students/data?{urlencode({'page': page + 1, 'page_size': size})}"
        return {"next": following if more else None, "results": {"data": [_profile(student) for student in found]}}


def _number(query: Mapping[str, str], name: str, default: int) -> int:
    given = query.get(name, str(default))
    if not given.isdecimal() or int(given) < 1:
        raise Refused(400, f"{name}: expected a whole number from 1.")
    return int(given)


def _profile(student: Student) -> dict[str, Any]:
    return {
        "student_number": student.id,
        "firstname": student.first_name,
        "lastname": student.last_name,
        "current_grade": student.grade,
        "student_mobile": student.student_mobile,
        "guardian_mobile_number": student.guardian_mobile,
    }


def _lines(name: str, lines: list[Line], shape: Shape) -> dict[str, Any]:
    if not lines and shape is Shape.NULL:
        return {name: None}
    if not lines and shape is Shape.ABSENT:
        return {}
    return {name: [_line(line, place, shape) for place, line in enumerate(lines)]}


def _line(line: Line, place: int, shape: Shape) -> dict[str, Any]:
    amount: Callable[[Decimal], str | float] = _text if shape is Shape.STRINGS else float
    written = {"fee_type": line.kind, "amount": amount(line.amount), "date": line.day.isoformat()}
    if shape is Shape.NO_DATES:
        if place % 2:
            return {**written, "date": None}
        del written["date"]
    return written


def _statement(student: Student, term: str, bills: list[Line], payments: list[Line]) -> dict[str, Any]:
    amount: Callable[[Decimal], str | float] = _text if student.shape is Shape.STRINGS else float
    billed = sum((line.amount for line in bills), Decimal(0))
    paid = sum((line.amount for line in payments), Decimal(0))
    return {
        "student_id": student.id,
        "term": term,
        "total_fees": amount(billed),
        "total_paid": amount(paid),
        "balance": amount(billed - paid),
    }


def _text(amount: Decimal) -> str:
    return f"{amount:.2f}"
