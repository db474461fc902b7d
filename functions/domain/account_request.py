"""What the fetch functions are asked for."""

from collections.abc import Mapping
from dataclasses import dataclass

from functions.domain.errors import InvalidRequest


@dataclass(frozen=True)
class AccountRequest:
    """Some students and a term."""

    student_ids: tuple[str, ...]
    term: str

    @classmethod
    def read(cls, value: Mapping[str, object]) -> "AccountRequest":
        """From the state machine's JSON; InvalidRequest names the field."""
        ids, term = value.get("student_ids"), value.get("term")
        if not isinstance(ids, list) or not ids or not all(isinstance(item, str) and item for item in ids):
            raise InvalidRequest("student_ids", "a list of student ids")
        if not isinstance(term, str) or not term:
            raise InvalidRequest("term", "a term code such as 2026-3")
        return cls(tuple(ids), term)
