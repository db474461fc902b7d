"""`make soak`, or `python -m bench.soak --messages 400 --kills 60 --seed 7`."""

import argparse
import json
import random
import re
import shutil
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.report import Table, Target, machine, new_results, save, write_into
from bench.soak import matrix
from bench.soak.disturbances import KILL
from bench.soak.faults import all_faults
from bench.soak.run import MESSAGES_A_SECOND, Outcome, soak
from bench.stage import Stage, stage

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
EXECUTIONS: Final = 8  # conversations at once
MATRIX_RETRY_SECONDS: Final = 3
RETRY_SECONDS: Final = 35  # until a message is delivered again; 180 on AWS. Five deliveries outlast a claim of 120


def table(outcome: Outcome, command: str) -> Table:
    """The figures of one soak."""
    verdict = outcome.verdict
    found = Table("Soak", ("what", "number", "wanted"))
    found.add(("messages", verdict.asked, ""))
    found.add(("webhook bodies, repeated ones included", outcome.bodies, ""))
    found.add(("function processes killed", sum(outcome.killed.values()), ""))
    found.add(("of them `send_reply`", outcome.killed["send_reply"], ""))
    found.add(("faults of servers", sum(outcome.disturbed.values()), ""))
    found.add(("answered once", len(verdict.answered), ""))
    found.add(("answered together with one that wanted the same", len(verdict.together), ""))
    found.add(("apologised to while the primary was down", len(verdict.apologised), ""))
    for what, number in (
        ("apologised to needlessly", len(verdict.needless)),
        ("lost", len(verdict.lost)),
        ("doubled", len(verdict.doubled)),
        ("out of order", len(verdict.out_of_order)),
        ("answered with something else", len(verdict.wrong)),
        (f"answered again, of {outcome.sent_again} sent again eight days later", outcome.answered_again),
        ("passes issued twice", outcome.passes_twice),
        ("dead letters", outcome.dead_letters),
        ("claims left", outcome.claims_left),
    ):
        found.add((what, number), [Target(number, 0)])
    found.add((f"receipts of {outcome.payments} payments, each announced twice", outcome.receipts, ""))
    killed = ", ".join(f"{name} {count}" for name, count in sorted(outcome.killed.items()))
    found.notes.append(f"`{command}`, {outcome.seconds / 60:.0f} minutes. Killed: {killed}.")
    return found


@dataclass(frozen=True)
class Run:
    """One run, as its sections see it."""

    given: argparse.Namespace
    seed: int
    bars: Progress
    path: Path  # of the figures

    @property
    def kills(self) -> int:
        return self.given.kills if self.given.kills is not None else int(self.given.messages) // 9 + 1


def measure_soak(run: Run) -> tuple[Table, bool]:
    given, bars = run.given, run.bars
    with stage(retry_seconds=RETRY_SECONDS, executions_at_once=EXECUTIONS) as here:
        tasks = {
            "messages": bars.add_task("messages", total=given.messages),
            KILL: bars.add_task("processes killed", total=run.kills),
            "again": bars.add_task("eight days later", total=2 * (given.messages // 3)),
        }

        def advance(what: str, number: int) -> None:
            if what in tasks:
                bars.advance(tasks[what], number)

        senders = given.senders or max(given.messages // 5, 1)
        outcome = soak(here, given.messages, senders, run.kills, run.seed, given.rate, advance)
        if not outcome.is_good:
            keep_evidence(run, here, outcome.traces)
    return table(outcome, command(run)), outcome.is_good


def keep_evidence(run: Run, here: Stage, traces: dict[str, Any]) -> None:
    """What went wrong message by message, and the logs of every part."""
    folder = run.path.with_suffix("")
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(here.plan.folder / "logs", folder / "logs")
    (folder / "traces.json").write_text(json.dumps(traces, indent=1))
    run.bars.console.print(f"What went wrong, and all logs: {folder}", highlight=False)


def measure_matrix(run: Run) -> tuple[Table, bool]:
    faults = [fault for fault in all_faults() if re.search(run.given.fault, str(fault))]
    bar = run.bars.add_task("fault matrix", total=len(faults))
    rows: list[matrix.Row] = []
    with stage(retry_seconds=MATRIX_RETRY_SECONDS) as here:
        everything = matrix.Matrix(here)
        for fault in faults:
            rows.append(everything.row(fault))
            run.bars.advance(bar)
            save([matrix.table(rows, matrix_command(run))], machine(), run.path)  # each at once: a later one may fail
            if not rows[-1].is_good or not run.bars.console.is_terminal:
                run.bars.console.print(str(rows[-1]), style="" if rows[-1].is_good else "red", highlight=False)
        if not all(row.is_good for row in rows):
            keep_evidence(run, here, {str(row.fault): row.traces for row in rows if not row.is_good})
    return matrix.table(rows, matrix_command(run)), all(row.is_good for row in rows)


SECTIONS: Final[dict[str, Callable[[Run], tuple[Table, bool]]]] = {"soak": measure_soak, "matrix": measure_matrix}


def matrix_command(run: Run) -> str:
    chosen = f" --fault '{run.given.fault}'" if run.given.fault else ""
    return f'make soak ARGS="--only matrix{chosen}"'


def command(run: Run) -> str:
    return f'make soak ARGS="--messages {run.given.messages} --kills {run.kills} --seed {run.seed}"'


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Nothing lost, nothing doubled?")
    parser.add_argument("--only", choices=[*SECTIONS], help="the soak or the fault matrix; by default both")
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--senders", type=int, help="by default one for five messages")
    parser.add_argument("--kills", type=int, help="of function processes; by default one for nine messages")
    parser.add_argument("--seed", type=int, default=None, help="of what is written and killed; printed")
    parser.add_argument("--rate", type=float, default=MESSAGES_A_SECOND, help="messages a second at most")
    parser.add_argument("--fault", default="", help="only rows of the matrix that match this expression, such as Redis")
    parser.add_argument("--output", type=Path, help="where the JSON goes")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/reliability.md too")
    given = parser.parse_args()
    if given.messages < 10:
        parser.error("--messages: expected at least 10")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that everything started is stopped
    console = Console() if sys.stdout.isatty() else Console(width=190)
    seed = given.seed if given.seed is not None else random.randrange(10_000)
    about, tables, path = machine(), [], given.output or new_results()
    path.parent.mkdir(parents=True, exist_ok=True)
    is_good = True
    for name in [given.only] if given.only else SECTIONS:
        columns = (TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
        with Progress(*columns, console=console) as bars:
            run = Run(given, seed, bars, path)
            console.print(f"{name}, seed {seed}: {command(run)}", highlight=False)
            found, met = SECTIONS[name](run)
        found.print(console)
        tables.append(found)
        save(tables, about, path)
        if given.write:
            write_into(PAGE, found, about)
        is_good = is_good and met
    console.print(f"{'Everything as wanted' if is_good else 'NOT as wanted'}. All figures: {path}", highlight=False)
    return 0 if is_good else 1


if __name__ == "__main__":
    sys.exit(main())
