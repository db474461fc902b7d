"""Gives a message back after a failed run, so that the next run can claim it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.adapters import observability
from functions.adapters.cache.message_claims import MessageClaims
from functions.adapters.database.connection import Database
from functions.adapters.database.message_log import MessageLog
from functions.adapters.database.office_requests import OfficeRequests
from functions.adapters.database.staff_actions import StaffActions
from functions.domain.errors import DataUnavailable


@dataclass(frozen=True)
class ClaimReleaser:
    """Only the run's own claim is released."""

    claims: MessageClaims
    database: Database

    def release(self, message_id: str, run: str, request: Mapping[str, Any]) -> dict[str, bool | None]:
        """`{"answered"}`: whether the message log has an answer all the same; None when the database is down.

        `request`: to the office, or what a command of staff has done; who was told must not be told again.
        """
        self.claims.release(message_id, run)
        try:
            with self.database.writer() as connection:
                if request.get("notified"):
                    OfficeRequests(connection).record_notified(message_id, request.get("notification_id"))
                if request.get("delivered"):
                    StaffActions(connection).record_delivered(message_id, request["delivered"])
                return {"answered": MessageLog(connection).was_answered(message_id)}
        except DataUnavailable as error:
            if request.get("notified") or request.get("delivered"):
                raise
            observability.logger().warning("message log not read", error=type(error).__name__)
            return {"answered": None}
