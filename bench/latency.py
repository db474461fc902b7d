"""How long a parent waits: for the first sign of life and for the answer, beside the floor and the old way."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from statistics import median
from typing import Final

from bench import floor, old_way
from bench.figures import p95, summary
from bench.floor import Ask, Delays
from bench.report import Table, Target
from bench.stage import Family, Stage, families
from local.parent import text
from local.send_message import Outcome, send_message

OVERHEAD_MS: Final = 150  # median, every warm intent
SIGN_MS: Final = 60
SIBLINGS: Final = 1.10
RATIOS: Final = {"realistic": {"cached": 8.0, "uncached": 3.0}, "observed": {"cached": 3.5, "uncached": 2.5}}

# What every conversation runs through, and what else an intent needs: these processes are new in "first".
ALWAYS: Final = ("webhook", "understand", "send_reply", "record_conversation")
ALSO: Final = {
    Ask.MENU: ("fetch_fees", "fetch_payments"),
    Ask.BALANCE: ("fetch_fees", "fetch_payments"),
    Ask.STATEMENT: ("fetch_fees", "fetch_payments"),
    Ask.GATE_PASS: ("fetch_fees", "fetch_payments", "gate_pass"),
    Ask.QUESTION: ("ai_reply",),
}
QUESTIONS: Final = ("What time does school start and end?", "Which documents do you need for enrolment?")
Progress = Callable[[int], None]


class NoAnswer(Exception):
    """A message of the benchmark was not answered as it should: its figures would mean nothing."""


@dataclass(frozen=True, order=True)
class Cell:
    """One line of the table."""

    ask: str
    children: int
    state: str  # first, uncached, cached


@dataclass
class Samples:
    """What was measured for one line, in seconds."""

    first_sign: list[float] = field(default_factory=list)
    reply: list[float] = field(default_factory=list)
    documents: int = 0
    calls: Counter[str] = field(default_factory=Counter)

    def add(self, outcome: Outcome, *, document: bool) -> None:
        if outcome.replied_at is None or outcome.typing_at is None:
            raise NoAnswer(f"status {outcome.status}, execution {(outcome.execution or {}).get('status')}")
        self.first_sign.append(outcome.typing_at - outcome.sent)
        self.reply.append(outcome.replied_at - outcome.sent)
        self.documents += document
        self.calls.update(f"{call['service']} {call['operation']}" for call in outcome.calls)


@dataclass
class Latencies:
    """Everything measured under one profile."""

    profile: str
    delays: Delays
    cells: dict[Cell, Samples] = field(default_factory=dict)
    old: dict[tuple[Ask, int], list[old_way.Times]] = field(default_factory=dict)

    def samples(self, ask: Ask, children: int, state: str) -> Samples:
        return self.cells.setdefault(Cell(ask.value, children, state), Samples())


def words(ask: Ask, family: Family, question: str) -> str:
    """What the parent types."""
    if ask is Ask.GATE_PASS:
        return f"gate pass {family.ids[0]}"  # of one named child: with several the bot would ask which
    return {Ask.MENU: "hi", Ask.BALANCE: "balance", Ask.STATEMENT: "statement", Ask.QUESTION: question}[ask]


def send(stage: Stage, found: Latencies, ask: Ask, family: Family, state: str, question: str = "") -> None:
    """One measured message. A menu is about the same whoever asks, so is a common question."""
    if ask is Ask.GATE_PASS:
        stage.withdraw_passes(family)
    outcome = send_message(stage.running, family.parent, text(words(ask, family, question)))
    document = any(reply["document"] for reply in outcome.replies)
    if document != (ask is Ask.GATE_PASS) and ask is not Ask.STATEMENT:
        raise NoAnswer(f"{ask.value}: {'a' if document else 'no'} document")
    found.samples(ask, len(family.children), state).add(outcome, document=document)


def one_round(stage: Stage, found: Latencies, family: Family, question: str) -> None:
    """Every intent once with nothing cached and once with everything; all processes are warm."""
    for ask in (Ask.MENU, Ask.STATEMENT, Ask.GATE_PASS, Ask.BALANCE):
        stage.forget(family)
        send(stage, found, ask, family, "uncached")
    for ask in (Ask.MENU, Ask.BALANCE, Ask.STATEMENT, Ask.GATE_PASS):
        send(stage, found, ask, family, "cached")
    if question:
        stage.forget(family, question)
        send(stage, found, Ask.QUESTION, family, "uncached", question)
        send(stage, found, Ask.QUESTION, family, "cached", question)


def one_first(stage: Stage, found: Latencies, ask: Ask, family: Family, question: str) -> None:
    """The first message that new processes get, nothing cached: they were started ahead of need, as in production."""
    stage.restart([*ALWAYS, *ALSO[ask]])
    stage.forget(family, question)
    send(stage, found, ask, family, "first", question)


def measure(stage: Stage, old: old_way.OldWay, profile: str, runs: int, progress: Progress) -> Latencies:
    """`runs` of each line, one message at a time: calls are told apart by time, and one process of each is warm."""
    found = Latencies(profile, stage.use(profile))
    single, triple = (families(stage.school, children, min(runs, 5)) for children in (1, 3))
    for group in (single, triple):
        one_round(stage, Latencies(profile, found.delays), group[0], QUESTIONS[0])  # not measured: processes are warm
    for run in range(runs):
        one_round(stage, found, single[run % len(single)], QUESTIONS[run % 2])
        progress(10)
        one_round(stage, found, triple[run % len(triple)], "")
        progress(8)
    # A status that comes between the end of the old processes and the start of the new ones would be the first itself.
    stage.running.world("PUT", "/profile", {"statuses": []})
    for run in range(runs):
        for ask in Ask:
            for group in (single, triple) if ask is Ask.BALANCE else (single,):
                one_first(stage, found, ask, group[run % len(group)], QUESTIONS[run % 2])
                progress(1)
    jobs = [
        (ask, group[run % len(group)])
        for run in range(runs)
        for ask in Ask
        for group in ((single, triple) if ask is not Ask.QUESTION else (single,))
    ]
    # All to a few parents: how much one person may be sent in a minute is not what is measured.
    stage.running.world("PUT", "/profile", {"whatsapp_pair_burst": 0})
    stage.running.world("DELETE", "/calls")
    for ask, family, times in old.answer(jobs):
        found.old.setdefault((ask, len(family.children)), []).append(times)
        progress(1)
    _check_counts(stage, found)
    return found


def _check_counts(stage: Stage, found: Latencies) -> None:
    """What the old way says that it called is what the services saw."""
    time.sleep(0.5)  # secrets, files and connections are told to the world a moment later
    seen = Counter(call["service"] for call in stage.running.world("GET", "/calls"))
    said = sum((times.calls for all_times in found.old.values() for times in all_times), Counter[str]())
    for ours in ("secrets", "database"):  # delivery statuses come meanwhile, and may start processes of ours
        del seen[ours], said[ours]
    if seen != said:
        raise NoAnswer(f"the old way made {dict(seen)} calls, not {dict(said)}")


def steps(runs: int) -> int:
    """How far `progress` counts."""
    return runs * (18 + 6 + 9)


# --- tables ----------------------------------------------------------------------------------------------------------


def latency_table(found: Latencies) -> Table:
    table = Table(
        f"Latency, profile {found.profile}: seconds, median / P95 of {_runs(found)} runs",
        ["asked", "children", "state", "first sign", "reply", "floor", "overhead ms", "old way", "times", "targets"],
    )
    for ask in Ask:
        for children in (1, 3):
            for state in ("first", "uncached", "cached"):
                if samples := found.cells.get(Cell(ask.value, children, state)):
                    _add_row(table, found, ask, children, state, samples)
    table.notes = [
        "first: the first message of new processes (started ahead of need, as provisioned concurrency does), "
        "nothing cached; with three children for the balance only. P95 of ten runs is the slowest.",
        "children: bills and payments of siblings are fetched side by side. A gate pass is one named child's; the old "
        "way made one for every child.",
        f"first sign of the old way: {median([t.first_sign for ts in found.old.values() for t in ts]):.2f} s.",
    ]
    return table


def _runs(found: Latencies) -> int:
    return min(len(samples.reply) for samples in found.cells.values())


def _add_row(table: Table, found: Latencies, ask: Ask, children: int, state: str, samples: Samples) -> None:
    document = samples.documents > len(samples.reply) / 2
    lowest = floor.answer(ask, found.delays, cached=state == "cached", document=document)
    lowest_sign = floor.first_sign(found.delays)
    reply, sign = median(samples.reply), median(samples.first_sign)
    old = median([times.reply for times in found.old[ask, children]])
    overhead, sign_overhead = (reply - lowest) * 1000, (sign - lowest_sign) * 1000
    targets = []
    if state != "first":
        targets += [Target(overhead, OVERHEAD_MS, " ms over"), Target(sign_overhead, SIGN_MS, " ms to sign")]
    if ask is Ask.BALANCE and state in RATIOS[found.profile]:
        targets.append(Target(old / reply, RATIOS[found.profile][state], " ×", at_least=True, digits=1))
    if ask is Ask.BALANCE and state == "uncached" and children > 1:
        alone = median(found.cells[Cell(ask.value, 1, state)].reply)
        targets.append(Target(reply / alone, SIBLINGS, " × one child", digits=2))
    table.add(
        [
            ask.value,
            children,
            state,
            f"{sign:.2f} / {p95(samples.first_sign):.2f}",
            f"{reply:.2f} / {p95(samples.reply):.2f}",
            f"{lowest:.2f}",
            f"{overhead:.0f} / {(p95(samples.reply) - lowest) * 1000:.0f}",
            f"{old:.2f}",
            f"{old / reply:.1f}",
        ],
        targets,
        asked=ask.value,
        children=children,
        state=state,
        first_sign=summary(samples.first_sign),
        reply=summary(samples.reply),
        floor=lowest,
        old_way=summary([times.reply for times in found.old[ask, children]]),
        old_first_sign=summary([times.first_sign for times in found.old[ask, children]]),
    )


SERVICES: Final = ("graph", "school", "openai", "s3", "secrets", "database")


def calls_table(found: Latencies, graph: dict[Cell, Samples]) -> Table:
    """What one message costs each service; `graph`: the same measured with the account fetched by GraphQL."""
    table = Table(
        "Calls of one message (mean)",
        ["asked", "children", "way", "WhatsApp", "school API", "OpenAI", "S3", "secrets", "connects"],
    )
    for ask in Ask:
        for children in (1, 3):
            for state in ("uncached", "cached"):
                cell = Cell(ask.value, children, state)
                for way, cells in (("REST", found.cells), ("GraphQL", graph)):
                    if samples := cells.get(cell):
                        _add_calls(table, ask, children, f"{state}, {way}", samples.calls, len(samples.reply))
            if olds := found.old.get((ask, children)):
                _add_calls(table, ask, children, "old way", sum((one.calls for one in olds), Counter()), len(olds))
    table.notes = [
        "WhatsApp: the typing indicator, which is free, counts; uploads too. A menu's school calls come after the "
        "reply, for the next tap. Secrets and connections are kept, so warm messages need none.",
        "GraphQL: one round trip of the conversation; the gateway then makes the school's calls side by side.",
    ]
    return table


def _add_calls(table: Table, ask: Ask, children: int, way: str, calls: Counter[str], runs: int) -> None:
    by_service: Counter[str] = Counter()
    for name, count in calls.items():
        by_service[name.split()[0]] += count
    each = {service: by_service[service] / runs for service in SERVICES}
    table.add(
        [ask.value, children, way, *(f"{value:.1f}".removesuffix(".0") for value in each.values())],
        asked=ask.value,
        children=children,
        way=way,
        calls=each,
    )


def measure_graph(stage: Stage, runs: int, progress: Progress) -> dict[Cell, Samples]:
    """The calls of a stack that fetches accounts through the gateway."""
    found = Latencies("observed", stage.use("observed"))
    for group in (families(stage.school, children, min(runs, 5)) for children in (1, 3)):
        one_round(stage, Latencies("observed", found.delays), group[0], "")
        for run in range(runs):
            one_round(stage, found, group[run % len(group)], "")
            progress(8)
    return found.cells
