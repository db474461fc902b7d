"""Another school changes config/ alone; whatever it writes wrongly is named, all at once."""

import copy
import json
import tomllib
from typing import Any

import pytest

from functions.domain.errors import ConfigurationError
from functions.domain.retention import KeepDays
from functions.domain.school import DailyLimits, build
from tests.domain.a_school import CONFIG, SCHOOL, SHIPPED

TOML = tomllib.loads((CONFIG / "school.toml").read_text("utf-8"))
ENTRIES = json.loads((CONFIG / "knowledge.json").read_text("utf-8"))


def problems(values: object, entries: object = ENTRIES) -> list[str]:
    with pytest.raises(ConfigurationError) as error:
        build(values, entries)  # type: ignore[arg-type]
    return error.value.problems


def changed(path: str, value: object) -> dict[str, Any]:
    """The shipped configuration with one value replaced; `...` takes it away."""
    values = copy.deepcopy(TOML)
    *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
    table: Any = values
    for step in steps:
        table = table[step]
    if value is ...:
        del table[last]
    else:
        table[last] = value
    return values


def test_the_shipped_school_loads() -> None:
    assert (SCHOOL.name, SCHOOL.assistant, str(SCHOOL.timezone)) == ("Shining Smiles", "Mya", "Africa/Harare")
    assert (SCHOOL.weekly_documents, SCHOOL.weekly_requests) == (3, 5)
    assert SCHOOL.daily_limits == DailyLimits(questions=40, visitor_questions=20, replies=100, documents=20)
    assert [tier.name for tier in SCHOOL.tiers] == ["full", "most", "half"]
    assert len(SCHOOL.calendar.terms) == 6
    assert len(SCHOOL.knowledge.entries) == len(ENTRIES)


def test_nobodys_number_is_shipped() -> None:
    """An invented one would get the words of real parents."""
    assert (SHIPPED.office.whatsapp, SHIPPED.office.staff) == (None, ())


def test_days_that_are_not_given_have_defaults() -> None:
    assert build(changed("keep_days", ...), ENTRIES).keep_days == KeepDays()
    assert build(changed("keep_days", {"notices": 14}), ENTRIES).keep_days == KeepDays(notices=14)


def test_terms_may_stand_in_any_order() -> None:
    school = build(changed("terms", list(reversed(TOML["terms"]))), ENTRIES)
    assert school.calendar == SCHOOL.calendar


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        ("keep_days.notices", 13, "keep_days.notices"),
        ("keep_days.notices", "90", "keep_days.notices"),
        ("keep_days.letters", 90, "[keep_days]"),
        ("keep_days", 90, "[keep_days]"),
        ("school", ..., "[school]"),
        ("school.name", ..., "school.name"),
        ("school.name", "  ", "school.name"),
        ("school.name", 7, "school.name"),
        ("school.timezone", "Africa/Nowhere", "school.timezone"),
        ("school.timezone", "../etc", "school.timezone"),
        ("school.country", "Zimbabwe", "school.country"),
        ("school.languages", [], "school.languages"),
        ("school.languages", "English", "school.languages"),
        ("currency", ..., "[currency]"),
        ("currency.code", "usd", "currency.code: expected three capital letters"),
        ("currency.name", "", "currency.name"),
        ("currency.amount", "$", "currency.amount: expected the amount 1250"),
        ("currency.amount", "$20.00", "currency.amount: expected the amount 1250"),
        ("school.student_id_prefix", "ssc-", "school.student_id_prefix"),
        ("office", ..., "[office]"),
        ("office.email", "", "office.email"),
        ("office.hours", "all day", "office.hours"),
        ("office.hours", "8-15", "office.hours"),
        ("office.staff", "+263771234567", "office.staff: expected a list of numbers"),
        ("office.staff", ["+263771234567", "0771234567"], "office.staff[2]: expected a number such as"),
        ("office.staff", ["+263771234567", 7], "office.staff[2]"),
        ("office.staff", ["+263771234567"] * 2, "office.staff: +263771234567 stands twice"),
        ("office.whatsapp", "0771234567", "office.whatsapp: expected a number such as"),
        ("templates.revoked", 7, "templates.revoked"),
        ("office.coexistence", "yes", "office.coexistence: expected true or false"),
        ("letterhead.colour", "blue", "letterhead.colour"),
        ("letterhead.accent", "#fff", "letterhead.accent"),
        ("gate_pass.weekly_documents", 0, "gate_pass.weekly_documents"),
        ("gate_pass.weekly_documents", True, "gate_pass.weekly_documents"),
        ("gate_pass.weekly_requests", 2, "gate_pass.weekly_requests"),
        ("gate_pass.tiers", [], "gate_pass.tiers"),
        ("gate_pass.tiers.0.from_percent", 60, "gate_pass.tiers"),
        ("gate_pass.tiers.0.from_percent", 101, "gate_pass.tiers[1].from_percent"),
        ("gate_pass.tiers.1.valid_until", "for ever", "gate_pass.tiers[2].valid_until"),
        ("daily_limits.replies", -1, "daily_limits.replies"),
        ("daily_limits.questions", "5", "daily_limits.questions"),
        ("daily_limits", ..., "[daily_limits]"),
        ("terms", [], "[[terms]]"),
        ("terms", ["2026-1"], "[[terms]]"),
        ("terms.0.code", "first", "terms[1].code"),
        ("terms.1.to", "tomorrow", "terms[2]"),
        ("terms.1.to", TOML["terms"][0]["from"], "terms[2]"),
        ("terms.0.to", TOML["terms"][1]["from"], "2025-1 and 2025-2 overlap"),
        ("terms.0.code", "2025-2", "twice"),
    ],
)
def test_a_mistake_is_named(path: str, value: object, named: str) -> None:
    found = problems(changed(path, value))
    assert any(named in problem for problem in found), found


@pytest.mark.parametrize(
    ("entries", "named"),
    [
        ({}, "list of entries"),
        ([], "list of entries"),
        (["text"], "knowledge.json[1]"),
        ([*ENTRIES, ENTRIES[0]], "'about' stands twice"),
        (ENTRIES[1:], "'about' is missing"),
        ([{**ENTRIES[0], "questions": "How?"}, *ENTRIES[1:]], "knowledge.json[1].questions"),
        ([{**ENTRIES[0], "answer": ""}, *ENTRIES[1:]], "knowledge.json[1].answer"),
    ],
)
def test_a_mistake_in_the_knowledge_is_named(entries: object, named: str) -> None:
    found = problems(TOML, entries)
    assert any(named in problem for problem in found), found


def test_all_mistakes_are_named_at_once() -> None:
    values = changed("school.name", "") | {"terms": [], "daily_limits": {}}
    found = " ".join(problems(values, []))
    for named in ("school.name", "[[terms]]", "daily_limits.documents", "knowledge.json"):
        assert named in found
