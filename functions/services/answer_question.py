"""What the rules are not certain of, understood by the model: an answer, or a request for the rules to carry out."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.adapters import clock, observability
from functions.adapters.openai_api import LanguageModel
from functions.domain import answers, model_contract, wording
from functions.domain.accounts import Account
from functions.domain.conversation import FOR_THE_OFFICE, URGENT_FOR_THE_OFFICE, Plan
from functions.domain.errors import InvalidModelReply, ServiceError
from functions.domain.intents import Intent, Request
from functions.domain.memory import Turn, read_turns
from functions.domain.model_contract import Answer, Context, HandOver, ModelReply, QuestionBack, Wish
from functions.domain.people import Person, Student
from functions.domain.school import School

FIGURES = (Intent.BALANCE, Intent.STATEMENT, Intent.EXPLAIN)
POLITE = (Intent.THANKS, Intent.MENU)  # nothing beside something else


@dataclass(frozen=True)
class Question:
    """The words, with whom and what they may be about."""

    message_id: str
    plan: Plan
    account: Account | None  # only for a personal question
    students: tuple[Student, ...] = ()  # the sender's own
    turns: tuple[Turn, ...] = ()  # of the conversation before, the oldest first

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "Question":
        """From `{"message_id", "plan", "account", "person", "turns"}`; InvalidRequest names the field."""
        plan = Plan.read(event["plan"])
        account = Account.read(event["account"]) if event.get("account") and plan.personal else None
        students = Person.read(event["person"]).students if event.get("person") else plan.students
        return cls(str(event.get("message_id") or ""), plan, account, students, read_turns(event.get("turns")))


@dataclass(frozen=True)
class QuestionAnswerer:
    """Without a usable reply of the model: the nearest entry of the school's knowledge, or the office's contact."""

    model: LanguageModel
    school: School

    def answer(self, question: Question) -> dict[str, Any]:
        """`{"answer", "understood", "also", "cacheable", "source": "model" | "knowledge" | "rules"}`.

        `understood` and `also`, what to do after it, are a Request as JSON or None.
        """
        try:
            return self._with_model(question)
        except ServiceError as error:
            if isinstance(error, InvalidModelReply):
                observability.count("AnswersRejected")
            observability.logger().warning(
                "answered without the model", digest=observability.digest(question.message_id), error=str(error)
            )
            if question.plan.sounds_urgent:
                handed = URGENT_FOR_THE_OFFICE.as_json()
                return {"answer": None, "understood": handed, "also": None, "cacheable": False, "source": "rules"}
            answer = wording.without_model(question.plan, question.account, self.school)
            return {"answer": answer, "understood": None, "also": None, "cacheable": False, "source": "knowledge"}

    def _with_model(self, question: Question) -> dict[str, Any]:
        plan, school, today = question.plan, self.school, clock.now(self.school.timezone).date()
        figures = answers.figures(question.account, plan.students, school)
        output = self.model.understand(
            model_contract.instructions(school, today),
            model_contract.content(plan.question or "", question.students, question.turns, figures),
            model_contract.text_format(school),
        )
        proof = answers.proof(question.account, plan.students, school)
        found = model_contract.parse(output.text, Context.of(school, question.students, today, proof))
        observability.count_by("ModelReplies", kind=type(found.reply).__name__)
        parts = _in_order(found)
        text = "\n\n".join(part.text for part in parts if isinstance(part, Answer | QuestionBack))
        first, second = (*(_request(part) for part in parts if isinstance(part, Wish | HandOver)), None, None)[:2]
        if text and plan.sounds_urgent and not first:
            text += f"\n\n{wording.call_if_in_danger(school)}"
        is_common = (
            bool(text)
            and not isinstance(found.reply, QuestionBack)
            and not first
            and not plan.personal
            and not plan.sounds_urgent
            and not question.turns
            and not _names_any(text, question.students)
        )
        understood, also = (None, first) if text else (first, second)
        return {
            "answer": text or None,
            "understood": understood.as_json() if understood else None,
            "also": also.as_json() if also else None,
            "cacheable": is_common,
            "source": "model",
        }


Part = Answer | Wish | QuestionBack | HandOver


def _in_order(found: ModelReply) -> list[Part]:
    """What is done with one message, in order: words before wishes, the office last and alone where it must be.

    Once the office has the conversation nothing else is said, so only figures may come before it.
    """
    parts: list[Part] = [found.reply, *([found.also] if found.also else [])]
    if handed := next((part for part in parts if isinstance(part, HandOver)), None):
        figures = [part for part in parts if isinstance(part, Wish) and part.intent in FIGURES]
        return [handed] if handed.urgent else [*figures, handed]
    wanted = [part for part in parts if not (isinstance(part, Wish) and part.intent in POLITE)] or parts[:1]
    return sorted(wanted, key=lambda part: isinstance(part, Wish))


def _request(part: Wish | HandOver) -> Request:
    """What is to be carried out."""
    if isinstance(part, HandOver):
        return URGENT_FOR_THE_OFFICE if part.urgent else FOR_THE_OFFICE
    return Request(part.intent, part.term, part.student_ids)


def _names_any(text: str, students: tuple[Student, ...]) -> bool:
    """Whether an answer names a child of this sender: then it is nobody else's."""
    words = text.casefold()
    return any(name.casefold() in words for student in students for name in (student.first_name, student.id) if name)
