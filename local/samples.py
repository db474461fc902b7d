"""Files that a parent may send, shipped for trying things out and for tests."""

from pathlib import Path
from typing import Final

FOLDER: Final = Path(__file__).parent / "console" / "static" / "samples"
VOICE_NOTE: Final = FOLDER / "voice-note.ogg"
SAID: Final = "Good morning. What is my balance, please?"  # in the voice note
PICTURE: Final = FOLDER / "receipt.jpg"
DOCUMENT: Final = FOLDER / "deposit-slip.pdf"
