"""The numbers of the tables: percentiles, floors, targets, waits for a free process."""

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from bench import aws_model, floor
from bench.aws_model import DRAWS, QUEUE, Measured, cold_share, erlang_b, sizes, table
from bench.figures import p95, percentile, summary
from bench.floor import Ask, Delays
from bench.report import Table, Target, save, write_into

REALISTIC = Delays(school=1.5, openai=2.5, whatsapp=0.3, s3_put=0.15, secret=1, database_connect=1)
OBSERVED = Delays(school=0.29, openai=2.5, whatsapp=0.6, s3_put=0.15, secret=0.15, database_connect=0.1)


@pytest.mark.parametrize(("share", "expected"), [(0.5, 5), (0.95, 10), (0.9, 9), (0.01, 1), (1.0, 10)])
def test_percentile_is_a_measured_value(share: float, expected: int) -> None:
    assert percentile([10, 9, 8, 7, 6, 5, 4, 3, 2, 1], share) == expected


def test_p95_of_twenty_leaves_out_the_slowest() -> None:
    assert p95([*range(19), 1000]) == 18


def test_no_values_have_no_percentile() -> None:
    with pytest.raises(ValueError, match="no values"):
        percentile([], 0.5)


def test_summary_counts() -> None:
    assert summary([1.0, 2.0, 4.0]) == {"median": 2.0, "p95": 4.0, "count": 3}


@pytest.mark.parametrize(
    ("ask", "uncached", "cached"),
    [
        (Ask.MENU, 0.3, 0.3),
        (Ask.BALANCE, 1.8, 0.3),
        (Ask.STATEMENT, 1.8, 0.3),
        (Ask.GATE_PASS, 2.25, 0.75),
        (Ask.QUESTION, 2.8, 0.3),
    ],
)
def test_the_floor_is_what_the_school_was_told(ask: Ask, uncached: float, cached: float) -> None:
    assert floor.answer(ask, REALISTIC, cached=False) == pytest.approx(uncached)
    assert floor.answer(ask, REALISTIC, cached=True) == pytest.approx(cached)


def test_a_statement_as_a_document_is_uploaded_first() -> None:
    assert floor.answer(Ask.STATEMENT, REALISTIC, cached=True, document=True) == pytest.approx(0.6)


@pytest.mark.parametrize(
    ("ask", "delays", "one_child", "two_children"),
    [  # measured of the replaced bot's own code
        (Ask.MENU, REALISTIC, 3.0, 3.0),
        (Ask.BALANCE, REALISTIC, 6.0, 9.0),
        (Ask.STATEMENT, REALISTIC, 7.5, 12.0),
        (Ask.GATE_PASS, REALISTIC, 10.3, 17.8),
        (Ask.QUESTION, REALISTIC, 5.5, 5.5),
        (Ask.MENU, OBSERVED, 2.1, 2.1),
        (Ask.BALANCE, OBSERVED, 2.7, 3.3),
        (Ask.STATEMENT, OBSERVED, 3.0, 3.9),
        (Ask.QUESTION, OBSERVED, 4.6, 4.6),
    ],
)
def test_the_old_ways_sequence_gives_its_measured_times(
    ask: Ask, delays: Delays, one_child: float, two_children: float
) -> None:
    assert floor.old_way(ask, delays, 1) == pytest.approx(one_child, rel=0.04)
    assert floor.old_way(ask, delays, 2) == pytest.approx(two_children, rel=0.04)


def test_erlang_b_of_a_known_case() -> None:
    assert erlang_b(5, 3.0) == pytest.approx(0.1101, abs=1e-4)
    assert erlang_b(0, 3.0) == 1.0


def test_the_model_keeps_to_the_published_quantiles() -> None:
    from random import Random

    random = Random(1)
    waits = sorted(QUEUE.draw(random) for _ in range(DRAWS))
    assert waits[DRAWS // 2] == pytest.approx(0.0281, rel=0.03)
    assert waits[DRAWS * 9 // 10] == pytest.approx(0.0612, rel=0.15)


def test_more_warm_processes_mean_fewer_starts() -> None:
    ordinary, _, group = (cold_share(size) for size in sizes(Measured()))
    assert 0.01 < ordinary < 0.05
    assert group < 0.001


def test_the_prediction_is_the_same_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(aws_model, "DRAWS", 1_000)  # the same each time with any number
    assert table(Measured(), 3).rows == table(Measured(), 3).rows
    assert table(Measured(), 3).rows != table(Measured(), 4).rows


def test_the_model_takes_hit_rates_and_cpu_from_the_same_run() -> None:
    growth = Table("Growth", ["at once"])
    growth.add(["1"], at_once=1, functions_cpu_ms=31.0)
    growth.add(["10"], at_once=10, functions_cpu_ms=99.0)
    hits = Table("Hits", ["trace"])
    hits.add(["ordinary day"], trace="ordinary day", by_kind={"account": 71.0})
    hits.add(["first week"], trace="first week of term", by_kind={"account": 82.0})
    assert Measured.of([growth, hits]) == Measured(0.031, 0.71, 0.82)
    assert Measured.of([]) == Measured()


def test_targets_say_whether_they_are_met() -> None:
    assert str(Target(149.6, 150, " ms")) == "≤ 150 ms met"
    assert str(Target(151, 150, " ms")) == "≤ 150 ms MISSED: 151 ms"
    assert Target(8.1, 8, " ×", at_least=True).met
    assert not Target(7.9, 8, " ×", at_least=True).met


def test_a_table_is_printed_and_saved_alike(tmp_path: Path) -> None:
    made = Table("Title", ["what", "ms", "targets"])
    made.add(["menu", "12"], [Target(12, 10, " ms")], ms=12)
    console = Console(width=80, record=True, file=io.StringIO())
    made.print(console)
    assert "MISSED: 12 ms" in console.export_text()
    path = tmp_path / "found.json"
    save([made], {"cores": 2}, path)
    (row,) = json.loads(path.read_text())["tables"][0]["rows"]
    assert row["ms"] == 12
    assert row["targets"] == [{"value": 12, "limit": 10, "at_least": False, "unit": "ms", "met": False}]


ABOUT = {
    "at": "2026-11-23T10:00:00+00:00",
    "commit": "abc",
    "cores": 2,
    "memory_gb": 24,
    "python": "3.13",
    "system": "Linux",
    "packages": {"moto": "5"},
}


def test_a_table_takes_its_place_on_the_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "On <!-- bench: machine -->old<!-- end -->.\n<!-- bench: Calls -->old\n<!-- end -->\n"
        "<!-- bench: Sizes -->kept<!-- end --> after\n"
    )
    made = Table("Calls of one message", ["what", "calls"], notes=["A note."])
    made.add(["menu", "1\n2"])
    write_into(page, made, ABOUT)
    write_into(page, made, ABOUT)  # again, over its own
    text = page.read_text()
    assert text.count("**Calls of one message**") == 1
    assert "| menu | 1<br>2 |" in text
    assert "A note." in text
    assert "2026-11-23, commit abc: 2 cores" in text
    assert "<!-- bench: Sizes -->kept<!-- end --> after" in text
    assert "old" not in text


def test_a_table_without_a_place_gets_one(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("<!-- bench: machine --><!-- end -->")
    for _ in range(2):
        write_into(page, Table("Elsewhere: 3 runs", ["what"]), ABOUT)
    assert page.read_text().count("**Elsewhere: 3 runs**") == 1
