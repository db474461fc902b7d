"""The latest runs of the state machines, to search in."""

import threading
from collections import OrderedDict
from collections.abc import Mapping
from typing import Any, Final

from local.console.formatting import plain

KEPT: Final = 400  # as many as the state machines keep details of
SHOWN: Final = 100
OUTCOMES: Final = {"RUNNING": "running", "SUCCEEDED": "done", "FAILED": "failed", "TIMED_OUT": "failed"}


class Runs:
    """Safe to share between threads."""

    def __init__(self) -> None:
        self._runs: OrderedDict[str, dict[str, Any]] = OrderedDict()
        self._lock = threading.Lock()

    def put(self, summary: Mapping[str, Any]) -> dict[str, Any]:
        """Add a run, or what is new about it."""
        row = row_of(summary)
        with self._lock:
            self._runs[row["name"]] = self._runs.get(row["name"], {}) | row
            while len(self._runs) > KEPT:
                self._runs.popitem(last=False)
        return row

    def note(self, name: str, **values: Any) -> dict[str, Any] | None:
        with self._lock:
            if name not in self._runs:
                return None
            self._runs[name] |= values
            return dict(self._runs[name])

    def get(self, name: str) -> dict[str, Any] | None:
        with self._lock:
            return self._runs.get(name)

    def of_message(self, message_id: str) -> dict[str, Any] | None:
        """The latest run of that message."""
        with self._lock:
            return next((run for run in reversed(self._runs.values()) if run["message_id"] == message_id), None)

    def search(self, words: str = "", **wanted: str) -> list[dict[str, Any]]:
        """The newest that hold every word in any column, and have the wanted values."""
        terms = words.casefold().split()
        found = []
        with self._lock:
            rows = list(reversed(self._runs.values()))
        for row in rows:
            text = " ".join(str(value) for value in row.values()).casefold()
            if all(term in text for term in terms) and all(
                row.get(name) == value for name, value in wanted.items() if value
            ):
                found.append(row)
        return found[:SHOWN]

    def values(self, column: str) -> list[str]:
        """The different values of a column, for filters."""
        with self._lock:
            return sorted({str(row[column]) for row in self._runs.values() if row.get(column)})

    def started_after(self, moment: float, machine: str) -> int:
        with self._lock:
            return sum(row["start"] > moment and row["machine"] == machine for row in self._runs.values())


def row_of(summary: Mapping[str, Any]) -> dict[str, Any]:
    """What the list shows of a run."""
    message = summary.get("message") or {}
    words = message.get("text") or message.get("title") or message.get("caption") or message.get("type") or ""
    stop = summary.get("stop")
    return {
        "name": summary["name"],
        "machine": summary["machine"],
        "message_id": summary.get("message_id"),
        "sender": message.get("phone") or message.get("bsuid") or message.get("student_id") or "",
        "words": plain(str(words), 60),
        "intent": summary.get("intent") or "",
        "status": OUTCOMES.get(summary["status"], "failed"),
        "attempt": summary.get("receive_count", 1),
        "start": summary["start"],
        "seconds": round(stop - summary["start"], 3) if stop else None,
        "error": summary.get("error") or "",
    }
