"""The folders that the build and the CDK app share."""

from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[1]
BUILD: Final = ROOT / ".build"  # what is built or downloaded; safe to delete
