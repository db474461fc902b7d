"""`make bench`, or `python -m bench --quick --only latency`."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from bench import (
    aws_model,
    cold_start,
    growth,
    hit_rate,
    known_questions,
    latency,
    limits,
    rush,
    sizes,
    web_console,
    webhook,
)
from bench.old_way import OldWay
from bench.report import Table, machine, new_results, save, write_into
from bench.stage import families, stage
from infra.catalog import SchoolApi
from local.console.screenshots import CHROMIUM

RUNS: Final = 10
PAGE: Final = Path(__file__).parents[1] / "docs" / "performance.md"


@dataclass(frozen=True)
class Run:
    """One run of the benchmark, as its sections see it."""

    times: int  # how often each thing is measured
    bars: Progress
    tables: list[Table]  # made so far


def measure_latency(run: Run) -> Iterator[Table]:
    with stage() as rest, OldWay(rest.plan, families(rest.school, 1, 1)[0]) as old:
        for profile in ("realistic", "observed"):
            bar = run.bars.add_task(f"latency, {profile}", total=latency.steps(run.times))
            found = latency.measure(rest, old, profile, run.times, partial(run.bars.advance, bar))
            yield latency.latency_table(found)
    with stage(school_api=SchoolApi.GRAPH) as graph:
        times = min(run.times, 3)
        bar = run.bars.add_task("calls by GraphQL", total=2 * 8 * times)
        by_graph = latency.measure_graph(graph, times, partial(run.bars.advance, bar))
    yield latency.calls_table(found, by_graph)


def measure_cold_start(run: Run) -> list[Table]:
    bar = run.bars.add_task("cold start", total=cold_start.steps(run.times))
    with stage() as here:
        return [cold_start.table(cold_start.measure(here, run.times, partial(run.bars.advance, bar)))]


def measure_sizes(run: Run) -> list[Table]:
    run.bars.add_task("sizes", total=None)
    return [sizes.measure()]


def measure_webhook(run: Run) -> list[Table]:
    bar = run.bars.add_task("webhook", total=len(webhook.PROFILES) + run.times)
    with stage() as here:
        return [webhook.measure(here, float(run.times), run.times, partial(run.bars.advance, bar))]


def measure_hit_rate(run: Run) -> list[Table]:
    days = min(run.times, 5)
    bar = run.bars.add_task("hit rate", total=hit_rate.steps(days))
    with stage() as here:
        return [hit_rate.measure(here, days, 1000, partial(run.bars.advance, bar))]


def measure_known_questions(run: Run) -> list[Table]:
    run.bars.add_task("known questions", total=None)
    return [known_questions.measure()]


def measure_growth(run: Run) -> list[Table]:
    bar = run.bars.add_task("growth", total=len(growth.STUDENTS) + len(growth.AT_ONCE))
    with stage() as here:
        return [
            growth.by_conversations(here, 20 * run.times, partial(run.bars.advance, bar)),
            growth.by_students(here, 30 * run.times, partial(run.bars.advance, bar)),
        ]


def measure_rush(run: Run) -> list[Table]:
    parents, seconds = (rush.PARENTS, rush.SECONDS) if run.times >= RUNS else (200, 6.0)
    bar = run.bars.add_task("morning rush", total=parents)
    with stage(school_api_calls_per_minute=rush.CALLS_PER_MINUTE, executions_at_once=rush.CONVERSATIONS) as here:
        return [rush.measure(here, parents, seconds, partial(run.bars.advance, bar))]


def measure_limits(run: Run) -> list[Table]:
    rounds = min(run.times, 3)
    bar = run.bars.add_task("memory and time", total=2 * rounds)
    with stage() as here:
        return [limits.measure(here, rounds, partial(run.bars.advance, bar))]


def measure_console(run: Run) -> list[Table]:
    if CHROMIUM is None:
        print("Left out: the console, whose page needs Chromium (apt-get install chromium).")
        return []
    bar = run.bars.add_task("console", total=web_console.steps())
    return [web_console.measure(partial(run.bars.advance, bar))]


def predict(run: Run) -> list[Table]:
    run.bars.add_task("prediction", total=None)
    return [aws_model.table(aws_model.Measured.of(run.tables))]


SECTIONS: Final[dict[str, Callable[[Run], Iterable[Table]]]] = {
    "latency": measure_latency,
    "cold-start": measure_cold_start,
    "sizes": measure_sizes,
    "webhook": measure_webhook,
    "hit-rate": measure_hit_rate,
    "known-questions": measure_known_questions,
    "growth": measure_growth,
    "rush": measure_rush,
    "limits": measure_limits,
    "console": measure_console,
    "aws": predict,
}


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Measures the product on this machine.")
    parser.add_argument("--quick", action="store_true", help="few runs, for development: figures of no worth")
    parser.add_argument("--only", nargs="+", choices=[*SECTIONS], metavar="SECTION", help=", ".join(SECTIONS))
    parser.add_argument("--output", type=Path, help="where the JSON goes")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/performance.md too")
    arguments = parser.parse_args()
    if arguments.quick and arguments.write:
        parser.error("--quick gives figures of no worth; leave out --write")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that everything started is stopped
    console = Console() if sys.stdout.isatty() else Console(width=170)
    about, began = machine(), time.monotonic()
    path = arguments.output or new_results()
    tables: list[Table] = []
    for name in arguments.only or SECTIONS:
        with Progress(
            TextColumn("{task.description:28}"), BarColumn(), TimeElapsedColumn(), console=console, transient=True
        ) as bars:
            for table in SECTIONS[name](Run(2 if arguments.quick else RUNS, bars, tables)):
                table.print(console)
                tables.append(table)
                save(tables, about, path)  # each at once: a later section may fail
                if arguments.write:
                    write_into(PAGE, table, about)
    targets = [target for table in tables for _, target in table.targets]
    console.print(
        f"{sum(target.met for target in targets)} of {len(targets)} targets met, "
        f"in {(time.monotonic() - began) / 60:.0f} minutes. All figures: {path}"
    )
    return 0


if __name__ == "__main__":
    sys.exit(main())
