"""Answers a free question from the school's knowledge and the parent's own figures."""

from typing import Any

from functions import dependencies
from functions.adapters.observability import instrumented
from functions.adapters.prewarm import prewarm
from functions.services.answer_question import Question


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message_id", "plan", "account"}` -> `{"answer", "cacheable", "source": "model" | "knowledge"}`."""
    return dependencies.question_answerer().answer(Question.parse(event))


prewarm(lambda: dependencies.language_model().prewarm())
