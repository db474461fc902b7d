"""The school's configuration, read once per process."""

import hashlib
import os
from dataclasses import replace
from datetime import date
from functools import cache
from pathlib import Path

from functions.domain import answers, knowledge
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


def question_key(text: str, day: date) -> str:
    """One key for the same question on the same day: what the AI is told is different tomorrow, or in a new release.

    "" for a question without content, or too long to be asked twice.
    """
    question = knowledge.normalise_question(text)
    return f"{_told(day)}:{question}" if question else ""


@cache
def _told(day: date) -> str:
    """A fingerprint of what the AI is told on that day."""
    return hashlib.sha256(answers.instructions(school(), day).encode()).hexdigest()[:8]
