"""The school's API (School Management System). It is slow, rate-limited, and does not always answer with JSON."""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar
from uuid import uuid4

import requests

from functions.adapters import observability
from functions.adapters.school_config import school
from functions.adapters.secret_store import SecretStore
from functions.domain.accounts import Line, read_lines
from functions.domain.errors import InvalidRequest, SchoolApiBusy, SchoolApiRefused, SchoolApiUnavailable
from functions.domain.student_records import StudentRecord

DEADLINE = 6.5  # seconds for everything, siblings and second tries included: the parent waits
READ_TIMEOUT = 3.5  # of one call; the slowest measured ordinary call took 1.5 s
CONNECT_TIMEOUT = 1.0
TRIES = 3
AT_ONCE = 8  # siblings side by side
PAGE_DEADLINE = 25.0  # of a page of students: nobody waits for it
PAGE_READ_TIMEOUT = 12.0
LARGEST_PAGE = 500  # records
LARGEST_PAGE_BYTES = 200_000  # as JSON: a state of the state machine carries 262,144

Found = TypeVar("Found")


@dataclass(frozen=True)
class StudentPage:
    """One page of the school's students."""

    records: tuple[StudentRecord, ...]
    has_more: bool


# What `as_json` makes of one student's lines; None: the school does not know the student.
JsonLines = list[dict[str, str | None]] | None


class SchoolApi:
    """The calls that we need."""

    def __init__(
        self, session: requests.Session, secrets: SecretStore, url: str, key_name: str, tries: int = TRIES
    ) -> None:
        """`key_name` names the secret of the API key; `tries` of each call."""
        self._session = session
        self._secrets = secrets
        self._url = url
        self._key_name = key_name
        self._tries = tries

    def prewarm(self) -> None:
        """Fetch the key."""
        self._secrets.get(self._key_name)

    def bills(self, student_ids: Sequence[str], term: str) -> dict[str, JsonLines]:
        """What each student was billed: `{student id: [{"fee_type", "amount", "date"}]}`; None: unknown student.

        Raises SchoolApiUnavailable when one of them cannot be had in time.
        """
        return self._of_each(student_ids, lambda student_id, deadline: self.bills_of(student_id, term, deadline))

    def payments(self, student_ids: Sequence[str], term: str) -> dict[str, JsonLines]:
        """What was paid for each student, in the same form."""
        return self._of_each(student_ids, lambda student_id, deadline: self.payments_of(student_id, term, deadline))

    def bills_of(self, student_id: str, term: str, deadline: float) -> tuple[Line, ...] | None:
        """What one student was billed, by a moment of `time.monotonic()`; None: unknown student."""
        query = {"student_id_number": student_id, "term": term}
        return self._get("student/billed-fee-types/", query, deadline, _reader("bills"))

    def payments_of(self, student_id: str, term: str, deadline: float) -> tuple[Line, ...] | None:
        """What was paid for one student, in the same way."""
        query = {"student_id_number": student_id, "term": term}
        return self._get("student/payments/", query, deadline, _reader("payments"))

    def _of_each(
        self, student_ids: Sequence[str], fetch: Callable[[str, float], tuple[Line, ...] | None]
    ) -> dict[str, JsonLines]:
        """Siblings side by side, all by the same deadline."""
        deadline = time.monotonic() + DEADLINE
        self._secrets.get(self._key_name)  # once, not once a thread
        if len(student_ids) == 1:
            return {student_ids[0]: _as_json(fetch(student_ids[0], deadline))}
        with ThreadPoolExecutor(max_workers=min(AT_ONCE, max(len(student_ids), 1))) as pool:
            found = pool.map(lambda student_id: _as_json(fetch(student_id, deadline)), student_ids)
            return dict(zip(student_ids, found, strict=True))

    def profiles(self, student_ids: Sequence[str]) -> list[StudentRecord]:
        """The record of each student that the school knows.

        Raises SchoolApiUnavailable when one of them cannot be had while a parent waits.
        """
        deadline = time.monotonic() + DEADLINE

        def fetch(student_id: str) -> StudentRecord | None:
            return self._get("student/profile/", {"student_id_number": student_id}, deadline, _read_profile)

        self._secrets.get(self._key_name)  # once, not once a thread
        with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
            return [record for record in pool.map(fetch, student_ids) if record]

    def students(self, page: int, page_size: int) -> StudentPage:
        """One page of all students, counted from 1; each but the first is one that the page before promised.

        Raises SchoolApiBusy when told to wait, SchoolApiUnavailable for what may pass (a promised page that is not
        there, too: who is on it has not left), SchoolApiRefused for what not.
        """
        query = {"page": str(page), "page_size": str(page_size)}
        deadline = time.monotonic() + PAGE_DEADLINE
        found = self._get("school/students/data", query, deadline, _read_page, PAGE_READ_TIMEOUT)
        if found is None:
            failure = SchoolApiRefused if page == 1 else SchoolApiUnavailable
            raise failure("school/students/data: HTTP 404")
        size = len(json.dumps([record.as_json() for record in found.records]))
        if size > LARGEST_PAGE_BYTES:
            raise SchoolApiRefused(
                f"school/students/data: page {page} has {size} bytes, at most {LARGEST_PAGE_BYTES} fit: "
                "lower students_per_page"
            )
        return found

    def _get(
        self,
        path: str,
        query: dict[str, str],
        deadline: float,
        read: Callable[[object], Found],
        read_timeout: float | None = None,
    ) -> Found | None:
        """One call, tried again while the deadline allows; None for 404."""
        problem, failure = "no time left", SchoolApiUnavailable
        for attempt in range(1, self._tries + 1):
            left = deadline - time.monotonic()
            if left < 0.2:
                break
            started = time.monotonic()
            pause, failure = 0.1 * attempt, SchoolApiUnavailable
            try:
                answer = self._session.get(
                    f"{self._url}/{path}",
                    params=query,
                    headers={
                        "Authorization": f"Api-Key {self._secrets.get(self._key_name)}",
                        "X-Request-ID": uuid4().hex,
                        "Accept": "application/json",
                    },
                    timeout=(min(CONNECT_TIMEOUT, left), min(read_timeout or READ_TIMEOUT, left)),
                )
                observability.record_duration("SchoolApiTime", time.monotonic() - started)
                if answer.status_code == 404:
                    return None
                if answer.ok:
                    return read(answer.json())
                problem = f"HTTP {answer.status_code}"
                if answer.status_code in (401, 403):
                    self._secrets.expire(self._key_name)  # it may have been rotated
                    failure = SchoolApiRefused
                elif answer.status_code == 429:
                    pause, failure = _retry_after(answer), SchoolApiBusy
                elif answer.status_code < 500:
                    failure = SchoolApiRefused
                    break
            except (requests.RequestException, InvalidRequest, ValueError, RecursionError) as error:
                problem = type(error).__name__
            if attempt == self._tries or time.monotonic() + pause >= deadline:
                break  # waiting would lead nowhere
            time.sleep(pause)
        observability.count("SchoolApiFailures")
        observability.logger().warning("school API unavailable", call=path, problem=problem)
        raise failure(f"{path}: {problem}")


def _as_json(lines: tuple[Line, ...] | None) -> JsonLines:
    return None if lines is None else [line.as_json() for line in lines]


def _reader(name: str) -> Callable[[object], tuple[Line, ...]]:
    """Reads `{"data": {name: [...]}}`. Missing, null and empty lists are empty; any other shape is a failure."""

    def read(body: object) -> tuple[Line, ...]:
        data = body.get("data") if isinstance(body, dict) else None
        if not isinstance(data, dict):
            raise InvalidRequest("data", "an object")
        lines = data.get(name)
        return () if lines is None else read_lines(lines, name, school().currency, school().timezone)

    return read


def _read_profile(body: object) -> StudentRecord:
    """Reads `{"data": profile}`."""
    data = body.get("data") if isinstance(body, dict) else None
    if not isinstance(data, dict):
        raise InvalidRequest("data", "an object")
    return StudentRecord.from_school(data)


def _read_page(body: object) -> StudentPage:
    """Reads `{"next": url or null, "results": {"data": [profile, …]}}`; none, but more to come, is a failure."""
    results = body.get("results") if isinstance(body, dict) else None
    data = results.get("data") if isinstance(results, dict) else None
    if not isinstance(body, dict) or not isinstance(data, list) or len(data) > LARGEST_PAGE:
        raise InvalidRequest("results.data", f"a list of at most {LARGEST_PAGE} students")
    if body.get("next") and not data:
        raise InvalidRequest("results.data", "students, where there is a next page")
    return StudentPage(tuple(StudentRecord.from_school(item) for item in data), bool(body.get("next")))


def _retry_after(answer: requests.Response) -> float:
    try:
        return max(float(answer.headers.get("Retry-After", "1")), 0.0)
    except ValueError:
        return 1.0
