"""Folders of the repository."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
BUILD: Final = ROOT / ".build"  # what is built or installed here; ignored by git
