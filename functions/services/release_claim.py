"""Gives a message back after a failed run, so that the next run can claim it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from functions.adapters.cache.message_claims import MessageClaims

if TYPE_CHECKING:
    from functions.adapters.database.connection import Database


@dataclass(frozen=True)
class ClaimReleaser:
    """`database` is called only when the office was notified already."""

    claims: MessageClaims
    database: "Callable[[], Database]"

    def release(self, message_id: str, request: Mapping[str, Any]) -> None:
        """Release the claim. `request`: to the office; when it was notified, the next run must not notify it again."""
        self.claims.release(message_id)
        if request.get("notified"):
            from functions.adapters.database.office_requests import OfficeRequests

            with self.database().writer() as connection:
                OfficeRequests(connection).record_notified(message_id, request.get("notification_id"))
