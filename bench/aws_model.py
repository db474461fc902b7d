"""What the same would take on AWS: a small model of stated assumptions, to be replaced by the dashboard's own figures.

Each hop is a distribution given by quantiles; a message's wait is the sum of its hops, drawn many times. Where the
figures come from stands beside them. Calls to the outside are those of the profile `observed`.
"""

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from random import Random
from typing import Final, Self

from bench.figures import median, p95
from bench.report import Table
from bench.traces import FIRST_WEEK_HOURS, ORDINARY_HOURS

DRAWS: Final = 20_000
CPU_SHARE: Final = 512 / 1769  # of one core, which AWS gives a function of 512 MB


@dataclass(frozen=True)
class Hop:
    """Seconds at some quantiles, straight lines (of the logarithm) between them."""

    quantiles: tuple[tuple[float, float], ...]

    def draw(self, random: Random) -> float:
        at = random.random()
        shares = [share for share, _ in self.quantiles]
        place = min(max(bisect_right(shares, at), 1), len(shares) - 1)
        (left, low), (right, high) = self.quantiles[place - 1 : place + 1]
        part = min(max((at - left) / (right - left), 0.0), 1.0)
        return math.exp(math.log(low) * (1 - part) + math.log(high) * part)


def measured(p10: float, p50: float, p90: float, p99: float) -> Hop:
    return Hop(((0.0, p10 * 0.9), (0.1, p10), (0.5, p50), (0.9, p90), (0.99, p99), (1.0, p99 * 1.5)))


def assumed(p50: float, p95_: float) -> Hop:
    return measured(p50 * 0.7, p50, p50 + (p95_ - p50) * 0.7, p95_ * 1.5)


# Published: bitesizedserverless.com, "Serverless Messaging: Latency Compared" (eu-west-1, September 2022, 1,024 each).
QUEUE: Final = measured(0.0219, 0.0281, 0.0612, 0.645)  # SQS FIFO to its consumer; the pipe polls in the same way
MACHINE: Final = measured(0.0575, 0.0773, 0.129, 0.241)  # an Express machine started, and its first function
# Assumed.
FRONT_DOOR: Final = assumed(0.020, 0.060)  # API Gateway, and the webhook invoked
NEXT_FUNCTION: Final = assumed(0.025, 0.060)  # each further function of the machine
STORES: Final = assumed(0.004, 0.015)  # Valkey; with a look into PostgreSQL for parents not seen within the hour
WHATSAPP: Final = assumed(0.6, 1.0)
SCHOOL: Final = assumed(0.29, 0.8)
COLD: Final = assumed(0.7, 1.4)  # sandbox 0.1-0.2 s, ready and first call as measured here, a secret, a connection
FETCH_CPU: Final = 0.005  # seconds of CPU, of the two fetches


@dataclass(frozen=True)
class Measured:
    """What the model takes from the same run of the benchmark; the defaults are those of docs/performance.md."""

    answer_cpu: float = 0.014  # seconds of CPU of all functions for one balance from the cache (`growth`)
    ordinary_hits: float = 0.77  # of accounts, on an ordinary day and in the first week (`hit-rate`)
    first_week_hits: float = 0.79

    @classmethod
    def of(cls, tables: Sequence[Table]) -> Self:
        """From the tables that have been made so far."""
        found = cls()
        for row in (row for table in tables for row in table.figures):
            if "functions_cpu_ms" in row and row["at_once"] == 1:
                found = replace(found, answer_cpu=row["functions_cpu_ms"] / 1000)
            elif row.get("trace") == "ordinary day":
                found = replace(found, ordinary_hits=row["by_kind"]["account"] / 100)
            elif row.get("trace") == "first week of term":
                found = replace(found, first_week_hits=row["by_kind"]["account"] / 100)
        return found


@dataclass(frozen=True)
class Size:
    """A day of the school, and what is kept warm for it (cdk.json)."""

    name: str
    messages: int  # a day
    busiest_hour: float  # share of the day
    warm: int  # processes of each answering function at that hour
    hit_rate: float  # of answers that need figures


def busiest(hours: dict[int, int]) -> float:
    """The share of a day's messages that its busiest hour has."""
    return max(hours.values()) / sum(hours.values())


def sizes(measured: Measured) -> tuple[Size, ...]:
    """The three sizes of the school."""
    ordinary, first_week = busiest(ORDINARY_HOURS), busiest(FIRST_WEEK_HOURS)
    return (
        Size("ordinary day", 1_000, ordinary, 1, measured.ordinary_hits),
        Size("first week of a term", 10_000, first_week, 5, measured.first_week_hits),
        Size("a group of schools", 100_000, first_week, 40, measured.first_week_hits),
    )


def erlang_b(servers: int, load: float) -> float:
    """Share of arrivals that find all servers busy; `load` is arrivals a second times seconds each."""
    blocked = 1.0
    for number in range(1, servers + 1):
        blocked = load * blocked / (number + load * blocked)
    return blocked


def cold_share(size: Size) -> float:
    """Share of messages that start a process somewhere: send_reply is busy longest, so it decides."""
    per_second = size.messages * size.busiest_hour / 3600
    return erlang_b(size.warm, per_second * 0.7)


def answer(random: Random, *, fetch: bool, cold: float, answer_cpu: float) -> float:
    """Seconds from WhatsApp's webhook to the accepted reply."""
    cpu = answer_cpu + (FETCH_CPU if fetch else 0)
    hops: list[Hop] = [FRONT_DOOR, QUEUE, MACHINE, STORES, NEXT_FUNCTION, WHATSAPP]
    if fetch:
        hops += [NEXT_FUNCTION, SCHOOL]
    if random.random() < cold:
        hops.append(COLD)
    return sum(hop.draw(random) for hop in hops) + cpu / CPU_SHARE


def table(measured: Measured, seed: int = 7) -> Table:
    """Deterministic: nothing is measured here."""
    made = Table(
        "Predicted on AWS: seconds to the accepted reply, P50 / P95 in the busiest hour",
        ["size", "messages a day", "starts a process", "from the cache", "fetched", "all balances"],
    )
    for size in sizes(measured):
        random, cold = Random(seed), cold_share(size)
        draw = partial(answer, random, cold=cold, answer_cpu=measured.answer_cpu)
        cached = [draw(fetch=False) for _ in range(DRAWS)]
        fetched = [draw(fetch=True) for _ in range(DRAWS)]
        mixed = [one if random.random() < size.hit_rate else two for one, two in zip(cached, fetched, strict=True)]
        made.add(
            [size.name, f"{size.messages:,}", f"{cold:.1%}", _both(cached), _both(fetched), _both(mixed)],
            size=size.name,
            cold=cold,
            cached={"p50": median(cached), "p95": p95(cached)},
            fetched={"p50": median(fetched), "p95": p95(fetched)},
            mixed={"p50": median(mixed), "p95": p95(mixed)},
        )
    made.notes = [
        "A model, not a measurement: bench/aws_model.py states each assumption. WhatsApp's own 0.6 s is in it.",
        f"From this machine: {measured.answer_cpu * 1000:.0f} ms of CPU an answer, account hit rates "
        f"{measured.ordinary_hits:.0%} and {measured.first_week_hits:.0%}.",
    ]
    return made


def _both(waits: Sequence[float]) -> str:
    return f"{median(waits):.2f} / {p95(waits):.2f}"
