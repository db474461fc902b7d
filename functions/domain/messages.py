"""One WhatsApp message, reduced to what an answer needs."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import UTC, datetime
from typing import Final

from functions.domain.errors import InvalidRequest

UNDELIVERED: Final = "undelivered"  # our own type: WhatsApp could not deliver a reply of ours within 24 hours
NOT_TOLD: Final = "office_not_told"  # our own type too: it could not deliver a notification of the office
OFFICE_NOTICE: Final = ":office"  # suffix of the id under which the office is notified about a message
STAFF_LETTER: Final = ":letter"  # suffix of the id under which a parent is told what staff wrote or did
# Types of `unsupported` that change an earlier message.
CHANGE_TYPES: Final = frozenset({"edit", "pin", "reaction", "keep_in_chat"})
# Recorded, never answered.
SILENT_TYPES: Final = frozenset({"reaction", "system", "edit", "revoke", "errors"})
REPEAT_AGE: Final = 5  # seconds: a message as young as this when a reply is sent may have been written after it
YEAR_3000: Final = 32_503_680_000  # Unix seconds


@dataclass(frozen=True)
class Message:
    """One message of one person, reduced to what an answer needs; as JSON it is what the queue carries."""

    id: str  # wamid
    type: str  # as WhatsApp names it; unknown ones too
    timestamp: int  # Unix seconds, by WhatsApp
    phone: str | None  # E.164
    bsuid: str | None  # business-scoped user id
    phone_number_id: str  # which of our numbers it was sent to
    profile_name: str | None = None
    text: str | None = None  # typed text, a caption, or what a voice note says
    tap: str | None = None  # id of the row or button that was tapped
    shared_phone: str | None = None  # E.164, only from a request_contact_info answer: it proves the number
    is_voice: bool = False
    media_id: str | None = None  # of a voice note, picture or document
    media_type: str | None = None  # its MIME type, without parameters
    about: str | None = None  # the message it replies or reacts to
    emoji: str | None = None  # of a reaction; None: removed
    group_id: str | None = None
    details: Mapping[str, object] = field(default_factory=dict)  # of system notices: what changed
    received_ms: int | None = None  # Unix milliseconds: when our webhook was called

    @property
    def sender(self) -> str:
        """The key of the person. The BSUID comes first: since 2026 it is always there, the phone number is not."""
        return self.bsuid or self.phone or ""

    def age_in_seconds(self, now: float) -> float:
        """Since it reached us; by WhatsApp's whole seconds where that is not known, 0 where nothing is."""
        since = self.received_ms / 1000 if self.received_ms else float(self.timestamp)
        return max(now - since, 0.0) if since else 0.0

    @property
    def needs_answer(self) -> bool:
        """False for reactions, edits and notices, and for groups, where others would see the figures."""
        is_change = self.type == "unsupported" and self.details.get("type") in CHANGE_TYPES
        return self.type not in SILENT_TYPES and not is_change and self.group_id is None

    def age(self, now: float) -> float:
        """Seconds since it was written; `now` in Unix seconds. 0 for a time that is missing or in the future."""
        return max(now - self.timestamp, 0.0) if self.timestamp else 0.0

    @property
    def was_heard(self) -> bool:
        """Whether the text is the transcript of a voice note: nobody has typed it."""
        return self.is_voice and bool(self.text)

    @property
    def is_delivery_failure(self) -> bool:
        """Whether this is no message of a person, but one of ours that WhatsApp could not deliver in time."""
        return self.type in (UNDELIVERED, NOT_TOLD)

    def as_json(self) -> dict[str, object]:
        """The fields that are set."""
        return {name: value for name, value in asdict(self).items() if value not in (None, False, {})}

    @classmethod
    def read(cls, value: object) -> "Message":
        """From `as_json`, or from JSON pasted into the console; InvalidRequest names the field."""
        if not isinstance(value, Mapping):
            raise InvalidRequest("message", "an object")
        for name in ("id", "type"):
            if not isinstance(value.get(name), str) or not value[name]:
                raise InvalidRequest(f"message.{name}", "a text")
        if not value.get("phone") and not value.get("bsuid"):
            raise InvalidRequest("message.phone", "a number in E.164 form, or a bsuid")
        known = {item.name for item in fields(cls)}
        defaults: dict[str, object] = {"phone": None, "bsuid": None, "phone_number_id": ""}
        given = {name: item for name, item in value.items() if name in known}
        return cls(**(defaults | given | {"timestamp": unix_seconds(value.get("timestamp"))}))


def phone_of(digits: str | None) -> str | None:
    """Digits only is the test for a phone: a BSUID has been seen in its place."""
    return f"+{digits}" if digits and digits.isascii() and digits.isdigit() and 5 <= len(digits) <= 15 else None


def unix_seconds(value: object) -> int:
    """Unix seconds from a text or a number; 0 for what is no time. Milliseconds have been seen."""
    try:
        seconds = int(str(value))
    except ValueError:
        return 0
    seconds = seconds // 1000 if seconds > YEAR_3000 else seconds
    return seconds if 0 < seconds < YEAR_3000 else 0


def written_at(timestamp: int, now: datetime) -> datetime:
    """When something was written. A time that is missing, or ahead of `now`, counts as now."""
    return datetime.fromtimestamp(timestamp, UTC) if 0 < timestamp < now.timestamp() else now
