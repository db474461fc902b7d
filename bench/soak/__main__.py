"""`make soak`, or `python -m bench.soak --messages 400 --kills 60 --seed 7`."""

import argparse
import json
import random
import signal
import sys
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from bench.report import Table, Target, machine, new_results, save, write_into
from bench.soak.disturbances import KILL
from bench.soak.run import MESSAGES_A_SECOND, Outcome, soak
from bench.stage import stage

PAGE: Final = Path(__file__).parents[2] / "docs" / "reliability.md"
EXECUTIONS: Final = 8  # conversations at once
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


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench.soak", description="Nothing lost, nothing doubled?")
    parser.add_argument("--messages", type=int, default=1000)
    parser.add_argument("--senders", type=int, help="by default one for five messages")
    parser.add_argument("--kills", type=int, help="of function processes; by default one for nine messages")
    parser.add_argument("--seed", type=int, default=None, help="of what is written and killed; printed")
    parser.add_argument("--rate", type=float, default=MESSAGES_A_SECOND, help="messages a second")
    parser.add_argument("--output", type=Path, help="where the JSON goes")
    parser.add_argument("--write", action="store_true", help="put the figures into docs/reliability.md too")
    given = parser.parse_args()
    if given.messages < 10:
        parser.error("--messages: expected at least 10")
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("stopped"))  # so that everything started is stopped
    console = Console() if sys.stdout.isatty() else Console(width=150)
    seed = given.seed if given.seed is not None else random.randrange(10_000)
    kills = given.kills if given.kills is not None else given.messages // 9 + 1
    senders = given.senders or max(given.messages // 5, 1)
    command = f'make soak ARGS="--messages {given.messages} --kills {kills} --seed {seed}"'
    console.print(f"{command}; about {given.messages / given.rate / 60 + 3:.0f} minutes")
    bars = Progress(
        TextColumn("{task.description:24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), console=console
    )
    with bars, stage(retry_seconds=RETRY_SECONDS, executions_at_once=EXECUTIONS) as here:
        tasks = {
            "messages": bars.add_task("messages", total=given.messages),
            KILL: bars.add_task("processes killed", total=kills),
            "again": bars.add_task("eight days later", total=2 * (given.messages // 3)),
        }

        def advance(what: str, number: int) -> None:
            if what in tasks:
                bars.advance(tasks[what], number)

        outcome = soak(here, given.messages, senders, kills, seed, given.rate, advance)
    found, about, path = table(outcome, command), machine(), given.output or new_results()
    found.print(console)
    save([found], about, path)
    path.with_suffix(".traces.json").write_text(json.dumps(outcome.traces, indent=1))
    console.print(
        f"All figures: {path}" + (f"; what went wrong: {path.with_suffix('.traces.json')}" if outcome.traces else "")
    )
    if given.write:
        write_into(PAGE, found, about)
    return 0 if outcome.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
