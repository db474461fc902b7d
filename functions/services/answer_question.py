"""Answers a free question from the school's knowledge and the parent's own figures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.adapters import clock, observability
from functions.adapters.openai_api import LanguageModel
from functions.domain import answers, wording
from functions.domain.accounts import Account
from functions.domain.conversation import Plan
from functions.domain.errors import AnswerUnavailable, ServiceError
from functions.domain.school import School


@dataclass(frozen=True)
class Question:
    """A question with the figures that it may be about."""

    message_id: str
    plan: Plan
    account: Account | None  # only for a personal question

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "Question":
        """From `{"message_id", "plan", "account"}`; InvalidRequest names the field."""
        plan = Plan.read(event["plan"])
        account = Account.read(event["account"]) if event.get("account") and plan.personal else None
        return cls(str(event.get("message_id") or ""), plan, account)


@dataclass(frozen=True)
class QuestionAnswerer:
    """Without a usable answer of the model: the nearest entry of the school's knowledge, or the office's contact."""

    model: LanguageModel
    school: School

    def answer(self, question: Question) -> dict[str, Any]:
        """`{"answer", "cacheable", "source": "model" | "knowledge"}`."""
        plan, account = question.plan, question.account
        today = clock.now(self.school.timezone).date()
        instructions = answers.instructions(self.school, today)
        figures = answers.figures(account, plan.students, self.school)
        asked = answers.question(plan.question or "")
        try:
            answer = self.model.answer(instructions, f"{figures}\n\n{asked}".strip())
            given = f"{answers.facts(self.school, today)}\n{figures}"
            if not answers.is_safe(answer, given, self.school.currency):
                observability.count("AnswersRejected")
                raise AnswerUnavailable(
                    "an amount, number, contact or link that was not given, or nothing, or too much"
                )
            return {"answer": answer, "cacheable": not plan.personal, "source": "model"}
        except ServiceError as error:
            observability.logger().warning(
                "answered without the model", message_id=question.message_id, error=str(error)
            )
            answer = wording.without_model(plan, account, self.school)
            return {"answer": answer, "cacheable": False, "source": "knowledge"}
