"""Pictures and documents that may be proofs of payment. Nothing on our side opens them: the office does."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from functions.domain.messages import Message
from functions.domain.people import Student

MIME_TYPES: Final[Mapping[str, str]] = {"jpg": "image/jpeg", "png": "image/png", "pdf": "application/pdf"}
MOST_BYTES: Final = 5 * 1024 * 1024  # what WhatsApp takes for a picture
KIND: Final = "proof"  # of the request for the office
MOST_OF_A_KIND: Final = 32  # characters, in the database


@dataclass(frozen=True)
class ProofFile:
    """A file of a parent, as a button carries it: `jpg.1234567890`."""

    extension: str  # of MIME_TYPES
    media_id: str

    @property
    def entry(self) -> str:
        return f"{self.extension}.{self.media_id}"

    @property
    def mime_type(self) -> str:
        return MIME_TYPES[self.extension]

    @classmethod
    def of(cls, message: Message) -> "ProofFile | None":
        """The file of a message; None for one of another type, or without a file."""
        extension = next((name for name, kind in MIME_TYPES.items() if kind == message.media_type), None)
        if extension is None or not message.media_id or not message.media_id.isdecimal():
            return None
        return cls(extension, message.media_id)

    @classmethod
    def read(cls, entry: str | None) -> "ProofFile | None":
        extension, _, media_id = (entry or "").partition(".")
        return cls(extension, media_id) if extension in MIME_TYPES and media_id else None


def kind_of_request(student_id: str) -> str:
    """The kind of the office's request: a payment of this student closes it."""
    return f"{KIND}:{student_id}"[:MOST_OF_A_KIND]


def title(student: Student) -> str:
    """What the office reads as the request's words."""
    return f"Proof of payment for {student.name} ({student.id})"
