"""The table at the end of a rehearsal."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

from rich.console import Console
from rich.table import Table

# What this machine cannot show, and why; docs/first-deployment.md says how to look at it on AWS.
NOT_EXERCISED: Final = (
    ("Lambda's own processor and Python", "the packages are built for this machine instead of arm64 and Python 3.13"),
    ("time on AWS", "cold starts, latencies and the pace of CloudFormation are those of this machine"),
    (
        "alarms, dashboard, the watch after a release",
        "they are created; no metric reaches them, so nobody waits for one",
    ),
    ("route tables, security groups", "created; the sides are held to by names instead of packets"),
    ("resource policies and conditions", "buckets and queues take what a role may do; their own denials are not read"),
    ("KMS, encryption at rest, log retention", "created; nothing is encrypted here"),
    ("the daily schedule", "created; its state machine is not started"),
    ("the GraphQL gateway", "its route refuses what is not signed; accounts are fetched by REST"),
)


@dataclass
class Report:
    """What was done, how long it took, and what came of it."""

    console: Console
    rows: list[tuple[str, float, str]] = field(default_factory=list)

    @contextmanager
    def step(self, name: str) -> Iterator[list[str]]:
        """Times a step; what is added to the list is shown beside it."""
        found: list[str] = []
        started = time.monotonic()
        yield found
        self.rows.append((name, time.monotonic() - started, "; ".join(found)))
        self.console.print(f"{self.rows[-1][1]:6.1f} s  {name}: {'; '.join(found)}", markup=False)

    def show(self) -> None:
        table = Table(title="Rehearsal")
        table.add_column("step")
        table.add_column("seconds", justify="right")
        table.add_column("what was seen")
        for name, seconds, text in self.rows:
            table.add_row(name, f"{seconds:.1f}", text)
        table.add_row("total", f"{sum(row[1] for row in self.rows):.1f}", "", style="bold")
        self.console.print(table)
        missing = Table(title="Not exercised")
        missing.add_column("what")
        missing.add_column("why")
        for row in NOT_EXERCISED:
            missing.add_row(*row)
        self.console.print(missing)
