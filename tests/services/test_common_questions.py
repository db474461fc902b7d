"""The key of a common question: the same for the same question on the same day."""

from datetime import date

import pytest

from functions.domain import model_contract
from functions.services import common_questions
from functions.services.common_questions import question_key

TODAY = date(2026, 11, 23)


@pytest.mark.parametrize("text", ["the school DAY: when does it begin", "When does the school day begin?"])
def test_the_same_question_in_another_order_and_spelling_has_the_same_key(text: str) -> None:
    assert question_key(text, TODAY) == question_key("When does the school day begin?", TODAY) != ""


def test_another_question_has_another_key() -> None:
    assert question_key("When does the term begin?", TODAY) != question_key("When does the school day begin?", TODAY)


def test_the_key_changes_with_the_day() -> None:
    """The model's instructions name the day: an answer of yesterday may be wrong today."""
    assert question_key("school hours", TODAY) != question_key("school hours", date(2026, 11, 24))


@pytest.mark.parametrize("text", ["", "?", "x" * 5000], ids=["empty", "no word", "too long"])
def test_a_text_that_nobody_will_ask_again_has_no_key(text: str) -> None:
    assert question_key(text, TODAY) == ""


def test_the_key_changes_with_what_the_model_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer by the rules of the release before is not given again."""
    before = question_key("school hours", TODAY)
    common_questions._instructions_digest.cache_clear()
    monkeypatch.setattr(model_contract, "_RULES", "Other rules.")
    assert question_key("school hours", TODAY) != before
    common_questions._instructions_digest.cache_clear()
