"""Under which key a common question's answer is kept: apart from the configuration, which every function reads."""

import hashlib
from datetime import date
from functools import cache

from functions.adapters.school_config import school
from functions.domain import answers, knowledge


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
