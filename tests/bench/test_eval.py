"""The evaluation of what parents type: how lines are read and judged, and what the rules alone must not do."""

import json
from collections import Counter
from pathlib import Path

import pytest

from bench.eval import (
    DANGEROUS,
    LINES,
    TO_THE_MODEL,
    Line,
    LineError,
    Outcome,
    Verdict,
    evaluate,
    judge,
    main,
    read_lines,
    rules_alone,
    rules_and_model,
    table,
)


def line(want: str, *, text: str = "hi", ok: tuple[str, ...] = (), also: tuple[str, ...] = ()) -> Line:
    values = {"text": text, "registered": True, "want": want, "ok": list(ok), "also": list(also)}
    return Line.read(json.dumps(values), "lines:1")


@pytest.mark.parametrize(
    ("wanted", "label", "verdict"),
    [
        (line("balance"), "balance", Verdict.RIGHT),
        (line("balance", ok=("ask",)), "ask", Verdict.RIGHT),
        (line("balance"), "statement", Verdict.WRONG),
        (line("balance", also=("statement",)), "statement", Verdict.WRONG),  # the first wish was lost
        (line("office"), "gate_pass", Verdict.DANGEROUS),
        (line("question"), "opt_out", Verdict.DANGEROUS),
        (line("balance", also=("gate_pass",)), "gate_pass", Verdict.WRONG),
        (line("office"), TO_THE_MODEL, Verdict.TO_THE_MODEL),
    ],
)
def test_an_outcome_is_judged_by_the_labels(wanted: Line, label: str, verdict: Verdict) -> None:
    assert judge(wanted, Outcome(label)) == verdict


def test_what_waits_for_a_tap_is_wrong_but_not_dangerous() -> None:
    assert judge(line("office"), Outcome("gate_pass", confirms=True)) == Verdict.WRONG


def test_the_model_understands_what_the_rules_leave_to_it() -> None:
    lines = read_lines(LINES)
    judged = evaluate(lines, rules_and_model())
    counts = Counter(verdict for _, _, verdict in judged)
    assert counts[Verdict.DANGEROUS] == counts[Verdict.TO_THE_MODEL] == 0
    assert counts[Verdict.RIGHT] >= 0.9 * len(lines)
    assert not [line.text for line, outcome, _ in judged if outcome.label in DANGEROUS - line.ok - line.also]


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{", "lines:3: expected a JSON object"),
        ("[]", "lines:3: expected a JSON object"),
        ('{"text": 1, "registered": true, "want": "menu"}', "lines:3: expected text"),
        ('{"text": "hi", "registered": 1, "want": "menu"}', "lines:3: expected text"),
        ('{"text": "hi", "registered": true, "want": "dance"}', "lines:3: 'dance' is no label"),
        ('{"text": "hi", "registered": true}', "lines:3: None is no label"),
        ('{"text": "hi", "registered": true, "want": "menu", "ok": "ask"}', "lines:3: ok: expected a list"),
    ],
)
def test_what_is_wrong_with_a_line_is_named(text: str, named: str) -> None:
    with pytest.raises(LineError) as error:
        Line.read(text, "lines:3")
    assert str(error.value).startswith(named)


def test_a_table_counts_each_line_once_in_each_group() -> None:
    lines = [line("balance", text="balance"), line("office", text="gate pass"), line("question", text="why?")]
    made = table("", evaluate(lines, rules_alone()))
    rows = {row[0]: row[1:] for row in made.rows}
    assert rows["all"] == ["3", "1", "0", "1", "1", "50%"]
    assert rows["office"] == ["1", "0", "0", "1", "0", "0%"]
    assert rows["question"] == ["1", "0", "0", "0", "1", "–"]


def test_the_rules_alone_do_nothing_wrong_on_the_shipped_lines() -> None:
    judged = evaluate(read_lines(LINES), rules_alone())
    assert [line.text for line, _, verdict in judged if verdict in (Verdict.WRONG, Verdict.DANGEROUS)] == []
    assert sum(verdict == Verdict.RIGHT for _, _, verdict in judged) >= 48


def test_other_lines_are_used_and_something_dangerous_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    lines = tmp_path / "lines.jsonl"
    lines.write_text('{"text": "gate pass", "registered": true, "want": "office"}\n\n', "utf-8")
    assert main(["--file", str(lines)]) == 1
    assert "dangerous: gate_pass, wanted office: 'gate pass'" in capsys.readouterr().out
    lines.write_text('{"text": "balance", "registered": true, "want": "balance"}\n', "utf-8")
    assert main(["--file", str(lines)]) == 0
    assert main(["--file", str(tmp_path / "none.jsonl")]) == 2
