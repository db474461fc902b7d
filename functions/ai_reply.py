"""Has the model understand what the rules were not certain of: it answers, or names what is wanted."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.answer_question import Question


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message_id", "plan", "account", "person", "turns"}` -> `{"answer", "understood", "also", "cacheable", …}`.

    `answer` is text, or null where `understood` names the request to carry out; `also` names one to carry out after
    it. `source` is "model" or "knowledge".
    """
    return dependencies.question_answerer().answer(Question.parse(event))


initialize(dependencies.question_answerer, lambda: dependencies.language_model().prewarm())
