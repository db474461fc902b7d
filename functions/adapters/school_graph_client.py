"""Client of the GraphQL gateway: all children in one call, and a second call for what is missing."""

import json
import time
from collections.abc import Mapping, Sequence
from typing import Any, Final

from functions.adapters import observability
from functions.adapters.aws import AwsClient, AwsError
from functions.adapters.school_api import CONNECT_TIMEOUT, DEADLINE, JsonLines
from functions.domain.accounts import read_lines
from functions.domain.errors import InvalidRequest, SchoolApiUnavailable, ServiceError

FIRST_TRY = 4.0  # seconds; the rest of the deadline is for what is missing then
TRANSIT = 0.3  # seconds between the gateway's answer and ours

PARTS: Final = ("bills", "payments")
QUERY: Final = """
query Account($term: String!, $bills: [ID!]!, $payments: [ID!]!) {
  bills: students(ids: $bills) { id lines: billedFees(term: $term) { ...line } }
  payments: students(ids: $payments) { id lines: payments(term: $term) { ...line } }
}
fragment line on Line { fee_type: feeType amount date currency }
"""
# The gateway of the release before refuses the query above. Needed while both run; can go with the next release.
QUERY_BEFORE: Final = QUERY.replace(" currency }", " }")

Account = dict[str, dict[str, JsonLines]]  # part -> student id -> lines; None: unknown student


class _QueryRefused(Exception):
    """The gateway does not know a field of the query."""


class SchoolGraphClient:
    """The route `POST /graphql` of our own API, signed with the function's role."""

    def __init__(self, client: AwsClient, url: str) -> None:
        self._client = client
        self._url = url

    def account(self, student_ids: Sequence[str], term: str) -> Account:
        """`{"bills": {student id: lines or None}, "payments": {…}}`, as the two REST calls would give them.

        Raises SchoolApiUnavailable when a part is still missing after the second try.
        """
        deadline = time.monotonic() + DEADLINE
        found: Account = {part: {} for part in PARTS}
        missing: dict[str, list[str]] = {part: list(student_ids) for part in PARTS}
        query = QUERY
        for seconds in (FIRST_TRY, DEADLINE):
            left = min(seconds, deadline - time.monotonic())
            if left <= TRANSIT:
                break
            try:
                for part, lines in self._ask(query, term, missing, left).items():
                    found[part] |= lines
            except _QueryRefused:
                query = QUERY_BEFORE
            missing = {part: [name for name in student_ids if name not in found[part]] for part in PARTS}
            if not any(missing.values()):
                return {part: {name: found[part][name] for name in student_ids} for part in PARTS}
        raise SchoolApiUnavailable(f"missing: {', '.join(part for part in PARTS if missing[part])}")

    def _ask(self, query: str, term: str, wanted: Mapping[str, Sequence[str]], seconds: float) -> Account:
        """One call; what failed is simply not in it."""
        body = json.dumps({"query": query, "variables": {"term": term, **wanted}}).encode()
        headers = {"content-type": "application/json", "x-seconds-left": f"{max(seconds - TRANSIT, 0):.1f}"}
        started, problem = time.monotonic(), ""
        try:
            timeout = (min(CONNECT_TIMEOUT, seconds), seconds)
            answer = self._client.call("POST", self._url, "execute-api", body, headers, timeout=timeout, tries=1).json()
            observability.record_duration("SchoolGraphTime", time.monotonic() - started)
            found = _read(answer)
            if not answer.get("errors"):
                return found
            problem = "errors beside data"
        except (ServiceError, InvalidRequest, ValueError, RecursionError) as error:
            if isinstance(error, AwsError) and error.status == 400:
                raise _QueryRefused from None
            found, problem = {}, type(error).__name__
        observability.count("SchoolGraphFailures")
        observability.logger().warning("school graph incomplete", problem=problem)
        return found


def _read(answer: Any) -> Account:
    """What arrived whole. Lines that are null beside an error failed; without one, the school knows no such student."""
    match answer:
        case {"data": {"bills": list(), "payments": list()}}:
            failed = {_failed(error) for error in _list(answer.get("errors") or [], "errors")}
        case _:
            raise InvalidRequest("data", "bills and payments")
    found: Account = {part: {} for part in PARTS}
    for part in PARTS:
        for place, student in enumerate(answer["data"][part]):
            match student:
                case {"id": str(name), "lines": lines} if (part, place) not in failed:
                    found[part][name] = _lines(lines, part)
                case {"id": str()}:
                    pass
                case _:
                    raise InvalidRequest(part, "students with id and lines")
    return found


def _failed(error: object) -> tuple[str, int]:
    """Which lines an error is about: the part, and the student's place in it."""
    match error:
        case {"path": [str(part), int(place), "lines", *_]}:
            return part, place
    raise InvalidRequest("errors", "errors of single students' lines")


def _list(value: object, field: str) -> list[object]:
    if not isinstance(value, list):
        raise InvalidRequest(field, "a list")
    return value


def _lines(value: object, field: str) -> JsonLines:
    return None if value is None else [line.as_json() for line in read_lines(value, field)]
