"""How long a recording plays, and what of its words is used."""

import pytest

from functions.domain import voice_notes
from functions.domain.voice_notes import MOST_HEARD, heard, seconds_of
from local.samples import VOICE_NOTE

NOTE = VOICE_NOTE.read_bytes()


def lasting(seconds: int) -> bytes:
    """The sample with another position on its last page."""
    place = NOTE.rfind(b"OggS") + 6
    return NOTE[:place] + (seconds * 48_000).to_bytes(8, "little") + NOTE[place + 8 :]


def test_the_length_of_a_real_recording() -> None:
    assert 3 < (seconds_of(NOTE) or 0) < 4
    assert seconds_of(NOTE + b"8 bytes.") == seconds_of(NOTE)


def test_the_length_of_a_long_one() -> None:
    assert 120 < (seconds_of(lasting(121)) or 0) <= 121
    assert voice_notes.MOST_SECONDS == 120


@pytest.mark.parametrize(
    "content", [b"", b"OggS", b"RIFF1234WAVE", NOTE[:20], NOTE[10:], b"OggS" + bytes(60), b"%PDF-1.7 OggS OpusHead"]
)
def test_what_is_no_opus_in_ogg_has_no_length(content: bytes) -> None:
    assert seconds_of(content) is None


def test_a_transcript_becomes_a_message() -> None:
    assert heard("  balance \n for   Tariro ") == "balance for Tariro"
    assert heard(" \n") == ""
    assert len(heard("word " * 5000)) <= MOST_HEARD
