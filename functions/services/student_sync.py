"""Students as the school has them: a page of the nightly sync, its end, and a look-up for one parent."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from functions.adapters import observability
from functions.adapters.cache.sender_cache import SenderCache
from functions.adapters.database.connection import Database
from functions.adapters.database.students import Saved, Students, SyncRun
from functions.domain.errors import InvalidRequest
from functions.domain.school import School
from functions.domain.student_records import StudentRecord


@dataclass(frozen=True)
class StudentSync:
    """After each write, the cached persons concerned are dropped."""

    database: Database
    senders: SenderCache
    school: School

    def save_page(self, page: int, records: Sequence[StudentRecord], run: SyncRun | None) -> dict[str, Any]:
        """One page of a run; without `run` it begins one. `{"saved", "new", "changed", "unusable", "run"}`."""
        with self.database.writer() as connection:
            students = Students(connection)
            run = run or students.begin_run()
            saved = students.save(records, self.school, page, run)
            senders = students.senders_of(saved.numbers)
        self._forget(senders)
        return _counts(saved) | {"run": {"began_at": run.began_at.isoformat(), "active_before": run.active_before}}

    def finish(self, run: SyncRun) -> dict[str, Any]:
        """The end of a run: students who were on no page have left.

        `{"deactivated", "active", "unusable", "shared_numbers"}`; the last: on record for students of several surnames.
        Raises SyncIncomplete when the run saw too few students.
        """
        with self.database.writer() as connection:
            students = Students(connection)
            deactivated, numbers = students.finish_run(run)
            senders = students.senders_of(numbers)
            now = students.count()
        self._forget(senders)
        observability.count("UnusableRecords", now["unusable"])
        observability.count("SharedNumbers", now["shared_numbers"])
        observability.logger().info(
            "students synced",
            deactivated=deactivated,
            active=now["active"],
            unusable=now["unusable"],
            shared_numbers=now["shared_numbers"],
        )
        return {"deactivated": deactivated, **now}

    def save_found(self, sender: str, records: Sequence[StudentRecord]) -> dict[str, Any]:
        """What a look-up for this sender brought. `{"saved", …, "min_wal"}`: the position that the next read needs."""
        with self.database.writer() as connection:
            students = Students(connection)
            saved = students.save(records, self.school)
            senders = students.senders_of(saved.numbers)
        return _counts(saved) | {"min_wal": self._forget([sender, *senders])}

    def _forget(self, senders: Sequence[str]) -> str | None:
        """These people's next message sees what was just written; the WAL position of it, if there is anybody."""
        if not senders:
            return None
        position = self.database.wal_position()
        self.senders.forget_person(*senders, min_wal=position)
        return position


def read_records(value: object) -> list[StudentRecord]:
    """From the state machine's JSON; InvalidRequest names what is wrong."""
    if not isinstance(value, list):
        raise InvalidRequest("records", "a list of student records")
    return [StudentRecord.read(item) for item in value]


def read_run(value: object) -> SyncRun:
    """From the state machine's JSON; InvalidRequest names what is wrong."""
    try:
        if isinstance(value, Mapping):
            return SyncRun(datetime.fromisoformat(value["began_at"]), int(value["active_before"]))
    except (KeyError, TypeError, ValueError):
        pass
    raise InvalidRequest("run", "an object with began_at and active_before, as the first page returned it")


def _counts(saved: Saved) -> dict[str, Any]:
    return {"saved": saved.saved, "new": saved.new, "changed": saved.changed, "unusable": saved.unusable}
