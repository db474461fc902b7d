"""The school's configuration, read once per process."""

import os
from dataclasses import replace
from functools import cache
from pathlib import Path

from functions.domain import school as domain

FOLDER = Path(__file__).parents[2] / "config"


@cache
def school() -> domain.School:
    """The school of `config/`; raises ConfigurationError that lists every problem.

    `OFFICE_WHATSAPP` (local stack only) is the office of the simulated WhatsApp.
    """
    found = domain.load(FOLDER)
    if pretended := os.environ.get("OFFICE_WHATSAPP"):
        return replace(found, office=replace(found.office, whatsapp=pretended))
    return found
