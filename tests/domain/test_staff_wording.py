"""What staff read in answer to a command: complete, short enough for one message, and honest."""

from typing import Any

import pytest

from functions.domain.replies import TEXT_LIMIT, Buttons, length, words_of
from functions.domain.staff import FORMS, Command
from functions.domain.staff_wording import compose
from tests.domain.a_school import NOW, SCHOOL

ROW = {
    "number": 12,
    "urgent": False,
    "minutes": 5,
    "name": "Rudo Moyo",
    "children": ["Tariro Moyo"],
    "words": "the bus",
    "kind": "question",
}
PASS = {
    "number": "GP-2026-3-000007",
    "state": "valid",
    "issued_on": "2026-11-02",
    "valid_until": "2026-11-30",
    "percent_paid": 50,
}
PROBLEM = {"place": "SSC1", "name": "Tariro Moyo", "phone": "07712", "problem": "No number", "fix": "Write one."}
LONG = "word " * 200


def said(command: str, /, **result: Any) -> str:
    return words_of(compose(Command(command), result, SCHOOL, NOW))


def test_an_open_request_is_seen_with_who_asks_what_and_since_when() -> None:
    words = said("requests", rows=[ROW | {"urgent": True}, ROW | {"number": 13, "minutes": 200}], total=2)
    assert "Open requests: 2" in words
    assert "🚨 *URGENT* *12* Rudo Moyo (Tariro Moyo), 5 min ago\n“the bus”" in words
    assert words.index("*12*") < words.index("*13*")
    assert "3 h ago" in words
    assert (
        said("requests", rows=[ROW | {"words": "", "kind": "conversation"}], total=1).count("in the WhatsApp app") == 1
    )
    assert "proof of payment" in said("requests", rows=[ROW | {"words": "", "kind": "proof_of_payment"}], total=1)
    assert "2 days ago" in said("requests", rows=[ROW | {"minutes": 48 * 60}], total=1)


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("requests", [ROW | {"words": LONG, "name": LONG[:100], "children": ["Tariro Moyo"] * 5}] * 10),
        ("problems", [PROBLEM | {"fix": LONG[:200], "phone": LONG, "name": LONG[:100]}] * 10),
        ("passes", [PASS] * 8),
    ],
)
def test_a_long_list_fits_one_message_and_says_what_is_missing(name: str, rows: list[Any]) -> None:
    words = said(name, rows=rows, total=len(rows) + 30, student={"id": "SSC1", "name": "Tariro Moyo"})
    assert "… and 30 more." in words
    assert length(words) <= TEXT_LIMIT


@pytest.mark.parametrize(
    ("name", "result", "expected"),
    [
        ("requests", {"rows": [], "total": 0}, "No parent is waiting"),
        ("problems", {"rows": [], "total": 0}, "Every student's record can be used"),
        ("problems", {"rows": [PROBLEM], "total": 1}, "*SSC1 Tariro Moyo*: No number (“07712”)\nWrite one."),
        ("passes", {"student": None}, "do not know a student"),
        ("passes", {"student": {"id": "S", "name": "T"}, "rows": [], "total": 0}, "None yet."),
        ("close", {"number": None}, "no open request"),
        ("close", {"number": 12}, "Request 12 is closed"),
        ("reply", {"number": None}, "no open request"),
        ("reply", {"number": 12, "name": "Rudo", "delivered": "message"}, "Sent to Rudo (request 12)"),
        ("reply", {"number": 12, "name": "Rudo", "delivered": "template"}, "I asked them to write again"),
        ("reply", {"number": 12, "name": "Rudo", "delivered": "unknown"}, "do not know whether"),
        ("reply", {"number": 12, "name": None, "phone": "+2637"}, "did not reach the parent (request 12)"),
        ("revoke", {"number": "GP-1", "outcome": "unknown"}, "There is no gate pass GP-1"),
        ("allow", {"number": "GP-1", "outcome": "allowed", "name": "Tariro"}, "may be issued for Tariro"),
        ("allow", {"number": "GP-1", "outcome": "unknown"}, "There is no gate pass GP-1"),
        ("allow", {"number": "GP-1", "outcome": "valid"}, "GP-1 is valid: it holds no new pass back"),
        ("revoke", {"number": "GP-1", "outcome": "expired"}, "GP-1 was *expired* already"),
    ],
)
def test_what_was_found_or_done_is_said(name: str, result: dict[str, Any], expected: str) -> None:
    assert expected in said(name, **result)


@pytest.mark.parametrize(
    ("delivered", "is_told"), [("message", True), ("template", True), (None, False), ("unknown", False)]
)
def test_a_revocation_says_whether_the_parent_knows(delivered: str | None, is_told: bool) -> None:
    result = {"number": "GP-1", "outcome": "revoked", "name": "Tariro Moyo", "phone": "+263771", "delivered": delivered}
    words = said("revoke", **result)
    assert "GP-1 of Tariro Moyo is *revoked*" in words
    assert ("The parent has been told" in words) is is_told
    assert ("https://wa.me/263771" in words) is not is_told


def test_a_sent_answer_has_the_button_that_closes_its_request() -> None:
    reply = compose(Command("reply"), {"number": 12, "name": "Rudo", "delivered": "message"}, SCHOOL, NOW)
    assert isinstance(reply, Buttons)
    assert [choice.id for choice in reply.choices] == ["v1:close:::12"]


def test_the_day_is_told_in_figures() -> None:
    words = said("today", messages=9, answers=7, handed_over=1, apologies=2, open=3)
    assert [line for line in ("Messages: 9", "Answers: 7", "Apologies: 2", "still open: 3") if line not in words] == []


def test_help_lists_every_command() -> None:
    words = said("help")
    assert [name for name in FORMS if f"*{name}" not in words] == []
    assert f"passes {SCHOOL.student_id_prefix}2" in words
    assert length(words) <= TEXT_LIMIT


@pytest.mark.parametrize("name", FORMS)
def test_what_lacks_something_is_shown_how_it_is_written(name: str) -> None:
    words = words_of(compose(Command(name, is_complete=False), {}, SCHOOL, NOW))
    assert FORMS[name].example.format(prefix=SCHOOL.student_id_prefix, term="2026-3") in words
