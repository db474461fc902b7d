"""How much the front door takes: requests a second and waits with several senders, and one body of 1,000 updates."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from bench.figures import median, p95, summary
from bench.report import Table
from bench.stage import Stage, families
from local.parent import new_message_id, text
from local.send_message import post_webhook
from local.world.webhooks import encode, wrap

SENDERS = 8
MOST_UPDATES = 1000  # of one body, by WhatsApp's documentation
PROFILES = ("zero", "realistic")


def measure(stage: Stage, seconds: float, bodies: int, progress: Callable[[int], None]) -> Table:
    """The queue takes the messages and no conversation runs: on AWS that is other machines' work."""
    table = Table(
        f"Webhook with {SENDERS} concurrent senders",
        ["body", "profile", "requests", "per second", "messages/s", "median ms", "P95 ms"],
    )
    group = families(stage.school, 1, 20)
    with stage.without_conversations():
        for profile in PROFILES:
            stage.use(profile)

            def one(number: int) -> bytes:
                family = group[number % len(group)]
                return encode(family.parent.webhook_body(text("balance"), new_message_id()))

            _send(stage, one, 1.0)  # processes for eight senders
            _add(table, "1 message", profile, 1, *_send(stage, one, seconds))
            progress(1)
        stage.use("zero")
        waits = []
        for _ in range(bodies):
            contacts = [family.parent.contact() for family in group]
            messages = [
                group[n % len(group)].parent.message(text("balance"), new_message_id()) for n in range(MOST_UPDATES)
            ]
            waits.append(_post(stage, encode(wrap(contacts=contacts, messages=messages))))
            progress(1)
        _add(table, f"{MOST_UPDATES:,} messages", "zero", MOST_UPDATES, waits, sum(waits))
    table.notes = [
        "per second: on this machine's cores, shared by the function, the queue and the senders. realistic: the answer "
        "waits at most 0.15 s for the typing indicator.",
        f"{MOST_UPDATES:,} messages: one body after the other.",
    ]
    return table


def _send(stage: Stage, body: Callable[[int], bytes], seconds: float) -> tuple[list[float], float]:
    """Waits of all requests, and how long it took."""
    until = time.monotonic() + seconds

    def sender(number: int) -> list[float]:
        waits = []
        while time.monotonic() < until:
            waits.append(_post(stage, body(number)))
            number += SENDERS
        return waits

    began = time.monotonic()
    with ThreadPoolExecutor(SENDERS) as threads:
        waits = [wait for found in threads.map(sender, range(SENDERS)) for wait in found]
    return waits, time.monotonic() - began


def _post(stage: Stage, raw: bytes) -> float:
    began = time.monotonic()
    status, content = post_webhook(stage.running, raw)
    if status != 200:
        raise RuntimeError(f"the webhook answered {status}: {content[:200]!r}")
    return time.monotonic() - began


def _add(table: Table, body: str, profile: str, messages: int, waits: list[float], seconds: float) -> None:
    rate = len(waits) / seconds
    table.add(
        [
            body,
            profile,
            len(waits),
            f"{rate:.1f}",
            f"{rate * messages:.0f}",
            f"{median(waits) * 1000:.0f}",
            f"{p95(waits) * 1000:.0f}",
        ],
        body=body,
        profile=profile,
        requests=len(waits),
        per_second=round(rate, 1),
        wait=summary(waits),
    )
