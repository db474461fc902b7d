"""A second school, different from the shipped one in everything that a school can configure."""

from pathlib import Path

SECOND = Path(__file__).parent / "linden"
