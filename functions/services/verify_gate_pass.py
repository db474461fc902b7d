"""What the guard sees behind the QR code."""

from dataclasses import dataclass
from datetime import date

from functions.adapters import clock, observability
from functions.adapters.database.connection import Database
from functions.adapters.database.gate_passes import TOKEN, GatePasses, PassLookUp
from functions.domain.documents import Letterhead, PassPage
from functions.domain.errors import DataUnavailable
from functions.domain.gate_passes import PassState
from functions.domain.school import School


@dataclass(frozen=True)
class GatePassVerifier:
    """Each look at a pass is recorded. What is no token reaches no database."""

    database: Database
    school: School

    def verify(self, token: str) -> PassPage:
        """The page of the pass behind a token; raises DataUnavailable when the records cannot be read."""
        now = clock.now(self.school.timezone)
        found = self._look_up(token, now.date())
        observability.count("PassLooks")
        if found.state == PassState.UNKNOWN:
            observability.count("UnknownPasses")
        return PassPage(
            letterhead=Letterhead.of(self.school),
            state=found.state,
            checked_at=now,
            child_name=found.student.name if found.student else "",
            grade=found.student.grade if found.student else "",
            pass_number=found.number,
            valid_until=found.valid_until,
        )

    def _look_up(self, token: str, today: date) -> PassLookUp:
        """From the replica, then from the primary unless the state is final.

        A new pass may not have reached the replica yet, and one just replaced may still look valid there.
        """
        if not TOKEN.fullmatch(token):
            return PassLookUp(PassState.UNKNOWN)
        found = self.database.read(lambda connection: GatePasses(connection).find_by_token(token, today))
        try:
            with self.database.writer() as connection:
                passes = GatePasses(connection)
                if found.state in (PassState.UNKNOWN, PassState.VALID):
                    found = passes.find_by_token(token, today)
                passes.record_check(found)
        except DataUnavailable:
            if found.state == PassState.UNKNOWN:
                raise
            observability.logger().warning("pass check not recorded")
        return found
