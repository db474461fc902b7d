"""What one message costs when the school grows from 200 to 20,000 students, and 1 to 100 parents write at once."""

import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import Final

import psutil

from bench.figures import median, p95, summary
from bench.hit_rate import parents_of, replace_in
from bench.report import Table
from bench.stage import TODAY, Stage
from infra.catalog import function
from local.child import die_with_parent
from local.parent import Parent, new_message_id, text
from local.plan import Plan
from local.send_message import post_webhook
from local.world import sample
from local.world.sample import SampleSchool
from local.world.webhooks import encode

STUDENTS: Final = (200, 2_000, 20_000)
AT_ONCE: Final = (1, 10, 100)
PROCESSES: Final = 8  # of each function at most: on two cores more would only wait, and cost 60 MB each


# --- students --------------------------------------------------------------------------------------------------------


def by_students(stage: Stage, messages: int, progress: Callable[[int], None]) -> Table:
    """`understand` for parents that nothing is cached about, so that the database is asked; in one process."""
    table = Table(
        "Growth: one message by number of students",
        ["students", "parents", "unknown parent ms", "known parent ms", "database MB", "cache bytes a parent"],
    )
    url = f"postgresql+pg8000://assistant@127.0.0.1:{stage.plan.ports.postgres}/school"
    for students in STUDENTS:
        school = SampleSchool.of_size(students, stage.plan.today or TODAY, stage.plan.seed)
        sample.load(url, school)
        stage.stack.postgres.wait_for_replica()
        parents = [parent for parent, _ in parents_of(school)]
        before = _cache_bytes(stage)
        chosen = parents[:: max(len(parents) // messages, 1)][:messages]
        with ProcessPoolExecutor(1, get_context("spawn"), die_with_parent) as process:
            unknown, known = process.submit(_look, stage.plan, chosen, f"grow{students}").result()
        kept = (_cache_bytes(stage) - before) / len(chosen)
        with stage.database.connect() as connection:
            size = connection.exec_driver_sql("SELECT pg_database_size('school')").scalar_one() / 1e6
        table.add(
            [
                f"{students:,}",
                f"{len(parents):,}",
                f"{median(unknown) * 1000:.1f} / {p95(unknown) * 1000:.1f}",
                f"{median(known) * 1000:.1f} / {p95(known) * 1000:.1f}",
                f"{size:.0f}",
                f"{kept:.0f}",
            ],
            students=students,
            parents=len(parents),
            unknown=summary(unknown),
            known=summary(known),
            database_mb=size,
            cache_bytes=kept,
        )
        progress(1)
    table.notes = [
        "Median / P95 of `understand`, its connections open: unknown asks the replica, known the cache alone."
    ]
    return table


def _look(plan: Plan, parents: list[Parent], space: str) -> tuple[list[float], list[float]]:
    """Seconds of each parent's first message and of the second."""
    os.environ.update(plan.environment(function("understand")) | {"LOG_LEVEL": "CRITICAL"})
    from functions import dependencies
    from functions.adapters import observability
    from functions.adapters.cache import redis_client
    from functions.adapters.whatsapp import inbound
    from functions.services.handle_message import IncomingMessage

    replace_in(redis_client, VERSION=space)
    replace_in(observability, count=lambda name, value=1: None)
    understand = dependencies.message_handler()
    dependencies.redis().prewarm()
    dependencies.message_history().prewarm()
    times: tuple[list[float], list[float]] = ([], [])
    for found in times:
        for parent in parents:
            message = inbound.read(parent.webhook_body(text("thanks"), new_message_id())).messages[0]
            began = time.perf_counter()
            understand.handle(IncomingMessage(message, run=""))
            found.append(time.perf_counter() - began)
    return times


def _cache_bytes(stage: Stage) -> int:
    return int(dict(stage.redis.info("memory"))["used_memory"])


# --- conversations at once -------------------------------------------------------------------------------------------


def by_conversations(stage: Stage, messages: int, progress: Callable[[int], None]) -> Table:
    """Whole conversations through the stack, no delays outside: what is left is this machine's work."""
    table = Table(
        "Growth: one message by conversations at once",
        ["at once", "messages", "per second", "median s", "P95 s", "CPU ms a message", "of the functions", "stack MB"],
    )
    parents = [parent for parent, _ in parents_of(stage.school)]
    stage.limit_processes(PROCESSES)
    stage.running.world("PUT", "/profile", {"name": "zero", "statuses": []})
    for at_once in AT_ONCE:
        _converse(stage, parents, len(parents), PROCESSES)  # processes are up, and everyone is in the cache
        (cpu, own), began = _cpu(), time.monotonic()
        waits = _converse(stage, parents, messages, at_once)
        took, (cpu_after, own_after) = time.monotonic() - began, _cpu()
        used, own_used = cpu_after - cpu, own_after - own
        megabytes = stage.stack.megabytes()
        table.add(
            [
                at_once,
                messages,
                f"{messages / took:.1f}",
                f"{median(waits):.2f}",
                f"{p95(waits):.2f}",
                f"{used / messages * 1000:.0f}",
                f"{own_used / messages * 1000:.0f}",
                megabytes,
            ],
            at_once=at_once,
            per_second=messages / took,
            wait=summary(waits),
            cpu_ms=used / messages * 1000,
            functions_cpu_ms=own_used / messages * 1000,
            megabytes=megabytes,
        )
        progress(1)
    table.notes = [
        f"Balances from the cache. At most {PROCESSES} processes of each function; no delays outside, no delivery "
        "statuses. CPU: everything of the stack, the simulated AWS and WhatsApp included.",
        "On AWS each conversation has machines of its own: there the wait stays that of one at once.",
    ]
    return table


def _converse(stage: Stage, parents: list[Parent], messages: int, at_once: int) -> list[float]:
    """Seconds from each message to its reply, `at_once` in the air."""
    lock, numbers = threading.Lock(), iter(range(messages))
    waits: list[float] = []

    def sender() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            parent, name, sent = parents[number % len(parents)], new_message_id(), time.time()
            status, _ = post_webhook(stage.running, encode(parent.webhook_body(text("balance"), name)))
            look = {"to": parent.address, "in_reply_to": name, "wait": 60}
            replies = stage.running.world("GET", "/outbox", timeout=70, **look) if status == 200 else []
            if not replies:
                raise RuntimeError(f"no reply (webhook: {status})")
            waits.append(replies[0]["time"] - sent)

    with ThreadPoolExecutor(at_once) as threads:
        for future in [threads.submit(sender) for _ in range(at_once)]:
            future.result()
    return waits


def _cpu() -> tuple[float, float]:
    """Seconds of CPU of everything that runs below this process, and of the functions among it."""
    total = functions = 0.0
    for process in psutil.Process().children(recursive=True):
        try:
            times, command = process.cpu_times(), process.cmdline()
        except psutil.Error:
            continue
        total += times.user + times.system
        functions += (times.user + times.system) if "awslambdaric" in command else 0
    return total, functions
