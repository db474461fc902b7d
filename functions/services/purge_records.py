"""Deletes from the database what it no longer needs to keep."""

import time
from collections import Counter
from dataclasses import dataclass
from typing import Any, Final

from functions.adapters import clock, observability
from functions.adapters.database.connection import Database
from functions.adapters.database.purge import TABLES, Purge
from functions.domain.school import School

BATCH: Final = 1000  # rows of a transaction: nobody who answers a parent waits long for one of them
SECONDS: Final = 15.0  # after which the rest is left to the next call


@dataclass(frozen=True)
class RecordPurger:
    """The days are in `config/school.toml`."""

    database: Database
    school: School

    def purge(self, seconds: float = SECONDS) -> dict[str, Any]:
        """`{"deleted": rows, "more": whether some are left}`; what was deleted before a failure stays deleted."""
        stop_at = time.monotonic() + seconds
        deleted: Counter[str] = Counter()
        kinds = list(TABLES)
        while kinds and time.monotonic() < stop_at:
            count = self._delete_some(kinds[0])
            deleted[kinds[0]] += count
            if count < BATCH:
                del kinds[0]
        observability.logger().info("records purged", deleted=dict(+deleted), more=bool(kinds))
        return {"deleted": deleted.total(), "more": bool(kinds)}

    def _delete_some(self, kind: str) -> int:
        today = clock.now(self.school.timezone).date()
        with self.database.writer() as connection:
            count = Purge(connection, self.school.keep_days, today).delete_some(kind, BATCH)
            if count:
                observability.count_after_commit("RecordsPurged", count, kind=kind)
        return count
