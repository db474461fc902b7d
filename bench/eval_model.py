"""What the language model makes of a line that somebody types, as `make eval` judges it.

By default the local model; with OPENAI_API_KEY in the environment any compatible API (EVAL_MODEL_URL, EVAL_MODEL).
"""

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

from functions.adapters import school_config
from functions.adapters.openai_api import LanguageModel
from functions.domain import model_contract
from functions.domain.errors import AnswerUnavailable
from functions.domain.intents import Intent
from functions.domain.model_contract import Answer, Context, HandOver, QuestionBack, Wish
from functions.domain.people import Student
from functions.domain.school import School

CONFIG: Final = Path(__file__).parents[1] / "config"
TODAY: Final = date(2026, 11, 23)
FAMILY: Final = (
    Student("SSC20257279", "Tariro", "Moyo", "Form 2"),
    Student("SSC20257280", "Tanaka", "Moyo", "Grade 5"),
)
URL: Final = "https://api.openai.com/v1"
NO_REPLY: Final = "no reply"  # the caller falls back to the nearest entry or the menu
Ask = Callable[[str, str], str]  # (instructions, content) -> output of the model


@dataclass(frozen=True)
class Heard:
    """What the assistant would do."""

    label: str  # as in the lines, or NO_REPLY
    student_ids: tuple[str, ...] = ()  # the children whom it concerns; empty: none was named
    also: frozenset[str] = frozenset()


def model_alone(ask: Ask | None = None) -> Callable[[str, bool], Heard]:
    """(text, registered) -> what the configured model makes of it, checked against the contract."""
    configured = school_config.load(CONFIG)
    instructions = model_contract.instructions(configured, TODAY)
    asked = ask or configured_model(configured)

    def understand(text: str, registered: bool) -> Heard:
        students = FAMILY if registered else ()
        context = Context.of(configured, students, TODAY)
        try:
            found = model_contract.parse(asked(instructions, model_contract.content(text, students)), context)
        except AnswerUnavailable:
            return Heard(NO_REPLY)
        ids = found.reply.student_ids if isinstance(found.reply, Wish) else ()
        also = frozenset({_label(found.also, registered)} if found.also else ())
        return Heard(_label(found.reply, registered), ids, also)

    return understand


def configured_model(configured: School) -> Ask:
    """A real model where a key is in the environment, else the local one."""
    key = os.environ.get("OPENAI_API_KEY")
    if not key:
        return _local
    model = LanguageModel(
        _Key(key),  # type: ignore[arg-type]
        os.environ.get("EVAL_MODEL_URL", URL),
        "OPENAI_API_KEY",
        os.environ["EVAL_MODEL"],
    )
    form = model_contract.text_format(configured)
    return lambda instructions, content: model.understand(instructions, content, form).text


def _local(instructions: str, content: str) -> str:
    from local.world.language_model.model import reply
    from local.world.language_model.prompt import Prompt

    return json.dumps(reply(Prompt.of({"instructions": instructions, "input": content})), ensure_ascii=False)


@dataclass(frozen=True)
class _Key:
    """A secret store with one key."""

    value: str

    def get(self, name: str) -> str:
        return self.value

    def expire(self, name: str) -> None:
        pass


def _label(part: Answer | Wish | QuestionBack | HandOver, registered: bool) -> str:
    """A sender who is not linked gets public information and how to be linked, whatever the wish was."""
    match part:
        case Answer():
            return "question" if registered else "info"
        case QuestionBack():
            return "ask"
        case HandOver():
            return "office"
        case Wish(intent) if intent in model_contract.ABOUT_CHILDREN and not registered:
            return "info"
        case Wish(Intent.EXPLAIN):
            return "statement"  # charges and payments, with the balance
        case Wish(intent):
            return intent.value
