"""Puts a voice note into words."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.domain.messages import Message


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message"}` -> `{"text": what was said or null, "problem": voice_too_long, voice_unreadable … or null}`."""
    return dependencies.voice_note_reader().read(Message.read(event.get("message")))


initialize(dependencies.voice_note_reader)
