"""The school's configuration, read once per process."""

from functools import cache
from pathlib import Path

from functions.domain import school as domain

FOLDER = Path(__file__).parents[2] / "config"


@cache
def school() -> domain.School:
    """The school of `config/`; raises ConfigurationError that lists every problem."""
    return domain.load(FOLDER)
