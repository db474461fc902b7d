"""The table of feedback: ratings by reaction or button."""

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters import observability
from functions.adapters.database.tables import feedback


class Feedback:
    """Within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(
        self,
        event_id: str,
        *,
        about: str | None,
        sender: str,
        rating: str | None,
        timestamp: int = 0,
        emoji: str | None = None,
    ) -> None:
        """Record how a person rates a message of ours; the last rating of each person counts, once.

        `about`: our message. `rating`: up, down, or None for one that was taken back. `timestamp`: Unix seconds, 0 for
        now.
        """
        values: dict[str, object] = {"about": about or "", "sender": sender, "verdict": rating, "emoji": emoji}
        if timestamp:
            values["given_at"] = datetime.fromtimestamp(timestamp, UTC)  # a later rating may arrive first
        before = self._last_rating(values)
        self._connection.execute(insert(feedback).values(event_id=event_id, **values).on_conflict_do_nothing())
        after = self._last_rating(values)
        if before != after:
            observability.count_after_commit("FeedbackUp", (after == "up") - (before == "up"))
            observability.count_after_commit("FeedbackDown", (after == "down") - (before == "down"))

    def _last_rating(self, values: Mapping[str, object]) -> str | None:
        same = (feedback.c.about == values["about"]) & (feedback.c.sender == values["sender"])
        query = select(feedback.c.verdict).where(same).order_by(feedback.c.given_at.desc(), feedback.c.id.desc())
        return self._connection.execute(query.limit(1)).scalar()
