"""Which voice notes are listened to, and what became of one that was not. WhatsApp records them as Opus in Ogg."""

from enum import Enum
from typing import Final

MOST_SECONDS: Final = 120
MOST_BYTES: Final = 1024 * 1024  # of two minutes in a quality that WhatsApp does not reach
MIME_TYPES: Final = ("audio/ogg",)
MOST_HEARD: Final = 1500  # characters of a transcript
SHOWN: Final = 48  # characters of it that the reply begins with
_PAGE: Final = b"OggS"
_HEAD: Final = b"OpusHead"
_SAMPLES_A_SECOND: Final = 48_000  # of the positions in an Ogg page, whatever the recording has


class NotHeard(Enum):
    """Why there is no transcript."""

    TOO_LONG = "voice_too_long"
    UNREADABLE = "voice_unreadable"  # no such file any more, another kind of file, or no words in it
    UNAVAILABLE = "voice_unavailable"
    LIMIT = "voice_limit"  # as many as are listened to in a day


def seconds_of(recording: bytes) -> float | None:
    """How long it plays, by the position on its last page; None for what is no Opus in Ogg."""
    head, last = recording.find(_HEAD, 0, 200), recording.rfind(_PAGE)
    if not recording.startswith(_PAGE) or head < 0 or last + 14 > len(recording):
        return None
    skipped = int.from_bytes(recording[head + 10 : head + 12], "little")
    position = int.from_bytes(recording[last + 6 : last + 14], "little", signed=True)
    return max(position - skipped, 0) / _SAMPLES_A_SECOND


def heard(transcript: str) -> str:
    """The words of a transcript as a message: on one line, and no longer than a question may be."""
    return " ".join(transcript.split())[:MOST_HEARD]
