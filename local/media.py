"""Files that a parent sends: put with the simulated WhatsApp, so that the product can fetch them."""

import hashlib
import secrets
from pathlib import Path
from typing import Final

from local.http_client import send
from local.parent import Content
from local.samples import DOCUMENT, PICTURE, VOICE_NOTE
from local.stack_client import Refused, StackClient

SAMPLE_OF: Final = {"audio": VOICE_NOTE, "image": PICTURE, "document": DOCUMENT}


def attach(running: StackClient, content: Content, *, file: Path | None = None, said: str = "") -> Content:
    """The content with a file that can be fetched. `said`: what the simulated transcription hears in a recording."""
    kind = content["type"]
    if kind not in SAMPLE_OF:
        if file:
            raise Refused(f"A message of type {kind} has no file: use --as voice, image or document")
        return content
    data = (file or SAMPLE_OF[kind]).read_bytes()
    if kind == "audio" and said:
        data += secrets.token_bytes(8)  # a recording of its own; players read no further than the audio
        running.world("PUT", f"/recordings/{hashlib.sha256(data).hexdigest()}", {"text": said})
    headers = {"Content-Type": content[kind]["mime_type"]}
    placed = send("POST", f"{running.plan.world_url}/media", body=data, headers=headers).json()
    return {"type": kind, kind: {**content[kind], "id": placed["id"]}}
