"""The key under which the answer to a common question is cached."""

import hashlib
from datetime import date
from functools import cache

from functions.adapters.school_config import school
from functions.domain import knowledge, model_contract


def question_key(text: str, day: date) -> str:
    """One key for the same question on the same day: the model's instructions change with the day and the release.

    "" for a question without content, or too long to be asked twice.
    """
    question = knowledge.normalise_question(text)
    return f"{_instructions_digest(day)}:{question}" if question else ""


@cache
def _instructions_digest(day: date) -> str:
    return hashlib.sha256(model_contract.instructions(school(), day).encode()).hexdigest()[:8]
