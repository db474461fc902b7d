"""The school's common knowledge as shipped: short enough for WhatsApp, found by its questions, honest about money."""

import json
import re
from pathlib import Path

import pytest

from functions.domain.knowledge import Entry, Knowledge

ROWS = json.loads((Path(__file__).parents[1] / "config" / "knowledge.json").read_text("utf-8"))
KNOWLEDGE = Knowledge(tuple(Entry(row["id"], row["title"], tuple(row["questions"]), row["answer"]) for row in ROWS))
AMOUNTS = {10, 20, 50, 90, 100, 150, 180, 200, 250, 270, 400, 650, 700, 750}  # what the school charges


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_an_entry_can_be_sent_as_one_reply(row: dict[str, object]) -> None:
    assert set(row) == {"id", "title", "questions", "answer", "topics"}
    assert 40 <= len(str(row["answer"])) <= 900
    assert len(str(row["title"])) <= 60
    assert len(row["questions"]) >= 3  # type: ignore[arg-type]


@pytest.mark.parametrize(("name", "question"), [(row["id"], q) for row in ROWS for q in row["questions"]])
def test_a_question_never_finds_the_wrong_entry(name: str, question: str) -> None:
    found = KNOWLEDGE.best(question)
    assert found is None or found.id == name


def test_only_amounts_the_school_charges() -> None:
    named = {int(amount) for row in ROWS for amount in re.findall(r"\$(\d+)", row["answer"])}
    assert named == AMOUNTS
