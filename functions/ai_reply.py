"""Answers a free question from the school's knowledge and the parent's own figures."""

from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.adapters import clock, observe, warm
from functions.adapters.openai_api import Model
from functions.adapters.school_config import school
from functions.adapters.settings import from_environment
from functions.domain import answers, wording
from functions.domain.accounts import Account
from functions.domain.conversation import Plan
from functions.domain.errors import AnswerUnavailable, ServiceError


@dataclass(frozen=True)
class Settings:
    openai_api_url: str
    openai_api_key_name: str
    openai_model: str


@cache
def model() -> Model:
    settings = from_environment(Settings)
    return Model(settings.openai_api_url, settings.openai_api_key_name, settings.openai_model)


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"plan", "account"}` -> `{"answer", "cacheable", "source": "model" | "knowledge"}`.

    Without a usable answer of the model: the best matching entry of the school's knowledge, or the office's contact.
    """
    plan = Plan.read(event["plan"])
    account = Account.read(event["account"]) if event.get("account") and plan.personal else None
    today = clock.now(school().timezone).date()
    instructions = answers.instructions(school(), today)
    figures = answers.figures(account, plan.students, school())
    asked = answers.question(plan.question or "")
    try:
        answer = model().answer(instructions, f"{figures}\n\n{asked}".strip())
        if not answers.is_safe(answer, f"{answers.facts(school(), today)}\n{figures}", school().currency):
            observe.count("AnswersRejected")
            raise AnswerUnavailable("an amount, number, contact or link that was not given, or nothing, or too much")
        return {"answer": answer, "cacheable": not plan.personal, "source": "model"}
    except ServiceError as error:
        observe.log().warning("answered without the model", message_id=event.get("message_id"), why=str(error))
        return {"answer": wording.without_model(plan, account, school()), "cacheable": False, "source": "knowledge"}


warm.ahead(school, lambda: model().ready())
