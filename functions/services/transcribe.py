"""A voice note, put into words: fetched from WhatsApp, transcribed by the model, and kept nowhere."""

from dataclasses import dataclass
from typing import Any

from functions.adapters import observability
from functions.adapters.openai_api import LanguageModel
from functions.adapters.whatsapp.media import WhatsAppMedia
from functions.domain import voice_notes
from functions.domain.errors import MediaTooLarge, ServiceError, WhatsAppRefused
from functions.domain.messages import Message
from functions.domain.voice_notes import NotHeard


@dataclass(frozen=True)
class VoiceNoteReader:
    """Never raises for what came in or for a service that is down: the parent gets a line that helps."""

    media: WhatsAppMedia
    model: LanguageModel

    def read(self, message: Message) -> dict[str, Any]:
        """`{"text": what was said or None, "problem": a NotHeard as text or None}`."""
        found = self._read(message)
        if isinstance(found, str):
            observability.count("VoiceNotes")
            return {"text": found, "problem": None}
        observability.count_by("VoiceNotesNotHeard", kind=found.value)
        observability.logger().info(
            "voice note not heard", digest=observability.digest(message.id), problem=found.value
        )
        return {"text": None, "problem": found.value}

    def _read(self, message: Message) -> str | NotHeard:
        try:
            recording = self.media.fetch(message.media_id or "", voice_notes.MIME_TYPES, voice_notes.MOST_BYTES)
            seconds = voice_notes.seconds_of(recording)
            if seconds is None:
                return NotHeard.UNREADABLE
            if seconds > voice_notes.MOST_SECONDS:
                return NotHeard.TOO_LONG
            return voice_notes.heard(self.model.transcribe(recording, "note.ogg")) or NotHeard.UNREADABLE
        except MediaTooLarge:
            return NotHeard.TOO_LONG
        except WhatsAppRefused:
            return NotHeard.UNREADABLE
        except ServiceError:
            return NotHeard.UNAVAILABLE
