"""What each function needs of its memory and time, with the largest things it is ever given, beside the catalog."""

import json
from collections.abc import Callable
from pathlib import Path

import psutil

from bench.figures import median, p95
from bench.latency import QUESTIONS, Latencies, one_round
from bench.report import Table
from bench.stage import Stage, families
from infra.catalog import FUNCTIONS
from local.parent import Parent, new_message_id, text
from local.send_message import post_webhook, send_message
from local.world.webhooks import encode, wrap

LONG_STATEMENT = "+263772100015"  # 120 lines: a PDF of several pages
FIVE_CHILDREN = "+263772100010"
MOST_UPDATES = 1000


def measure(stage: Stage, rounds: int, progress: Callable[[int], None]) -> Table:
    """Ordinary conversations, then the largest statement, family and webhook body."""
    delays = stage.use("realistic")
    group = [family for children in (1, 3) for family in families(stage.school, children, rounds)]
    for number, family in enumerate(group):
        one_round(stage, Latencies("realistic", delays), family, QUESTIONS[number % 2])
        progress(1)
    for phone, words in ((LONG_STATEMENT, "statement"), (FIVE_CHILDREN, "statement"), (FIVE_CHILDREN, "balance")):
        send_message(stage.running, Parent(phone), text(words))
    writers = families(stage.school, 1, 20)
    with stage.without_conversations():
        messages = [writers[n % len(writers)].parent.message(text("hi"), new_message_id()) for n in range(MOST_UPDATES)]
        post_webhook(stage.running, encode(wrap(contacts=[one.parent.contact() for one in writers], messages=messages)))
    memory = _memory()
    table = Table(
        "Memory and time of each function",
        ["function", "invocations", "MB used", "MB given", "median s", "P95 s", "longest s", "timeout s"],
    )
    for function in FUNCTIONS:
        seconds = _durations(stage.plan.log(function.name))
        if seconds:
            table.add(
                [
                    function.name,
                    len(seconds),
                    memory.get(function.handler, "–"),
                    function.memory,
                    f"{median(seconds):.3f}",
                    f"{p95(seconds):.3f}",
                    f"{max(seconds):.3f}",
                    function.timeout,
                ],
                function=function.name,
                megabytes=memory.get(function.handler),
                seconds={"median": median(seconds), "p95": p95(seconds), "most": max(seconds)},
                timeout=function.timeout,
                memory=function.memory,
            )
    table.notes = [
        "Delays: realistic. MB used: most that a process ever held (VmHWM); AWS's own part, about 40 MB, comes on top. "
        "Memory buys processor time: 512 MB are 0.29 of a core, 1,024 MB 0.58.",
    ]
    return table


def _durations(log: Path) -> list[float]:
    """Seconds of each invocation, from Lambda's own report lines."""
    found = []
    for line in log.read_text("utf-8", "replace").splitlines() if log.exists() else ():
        if '"platform.report"' in line:
            found.append(json.loads(line)["record"]["metrics"]["durationMs"] / 1000)
    return found


def _memory() -> dict[str, int]:
    """Handler -> the most that one of its processes has held, in MB."""
    most: dict[str, int] = {}
    for process in psutil.Process().children(recursive=True):
        try:
            command = process.cmdline()
            status = Path(f"/proc/{process.pid}/status").read_text()
        except (psutil.Error, OSError):
            continue
        held = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
        if "awslambdaric" in command and held:
            most[command[-1]] = max(most.get(command[-1], 0), int(held[0]) // 1000)
    return most
