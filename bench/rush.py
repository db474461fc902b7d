"""The first minute of a term: 2,000 parents at once, and a school API that allows ten calls a second of each kind.

The whole stack runs, in real time. What is special: half of the families were here within the last five minutes, so
that their accounts are cached; of the others, as many as the school allows are fetched in time.
"""

import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

from bench import traces
from bench.figures import median, p95, summary
from bench.hit_rate import parents_of
from bench.report import Table, Target
from bench.stage import TERM, TODAY, Stage
from bench.traces import Written
from local.parent import Parent, new_message_id, text
from local.send_message import post_webhook
from local.world import sample
from local.world.sample import SampleSchool
from local.world.webhooks import encode

PARENTS: Final = 2_000
STUDENTS: Final = 4_000  # of whom 2,000 parents have numbers on record
SECONDS: Final = 60.0
CALLS_PER_MINUTE: Final = 600  # of each kind
GREETING: Final = 0.3
CACHED_SHARE: Final = 0.5
CACHED_SECONDS: Final = 2.0  # P95 of answers from the cache
SENDERS: Final = 64
SCHOOL_COUNTS_OVER: Final = 61.0  # seconds until what warms the processes up does not count any more
LAST_REPLY_SECONDS: Final = 60.0
# Enough processes for 33 messages a second when WhatsApp takes 0.6 s; no more than a small machine bears.
PROCESSES: Final = {"send_reply": 40, "fetch_fees": 16, "fetch_payments": 16, "webhook": 16, "ai_reply": 12}
MOST_PROCESSES: Final = 8
CONVERSATIONS: Final = 1_000  # AWS's quota of a pipe


@dataclass
class Sent:
    """One parent's message, and when WhatsApp accepted the reply."""

    written: Written
    parent: Parent
    children: Sequence[str]
    name: str
    at: float = 0.0
    status: int = 0
    refused: int = 0  # times that the webhook did not take it
    late: float = 0.0  # seconds after its time: this machine did not keep up with sending
    replied: float | None = None
    apology: bool = False
    fetched: bool = False  # the school was asked about one of the children before the reply


@dataclass
class Outcome:
    """All that came of the rush."""

    sent: list[Sent] = field(default_factory=list)
    calls: list[dict[str, Any]] = field(default_factory=list)
    queues: dict[str, Any] = field(default_factory=dict)


def measure(stage: Stage, parents: int, seconds: float, progress: Callable[[int], None]) -> Table:
    """`parents` first messages within `seconds`."""
    stage.limit_processes(MOST_PROCESSES, **PROCESSES)
    stage.use("observed")
    stage.running.world("PUT", "/profile", {"statuses": []})
    _warm_up(stage)
    quiet = time.monotonic() + SCHOOL_COUNTS_OVER
    school = SampleSchool.of_size(STUDENTS, stage.plan.today or TODAY, stage.plan.seed)
    stage.running.world("PUT", "/school-size", {"students": STUDENTS})
    sample.load(f"postgresql+pg8000://assistant@127.0.0.1:{stage.plan.ports.postgres}/school", school)
    stage.stack.postgres.wait_for_replica()
    families = parents_of(school)[:parents]
    if len(families) < parents:
        raise ValueError(f"only {len(families)} parents")
    messages = [
        Sent(written, families[written.parent][0], families[written.parent][1], new_message_id())
        for written in traces.rush(parents, seconds, 5, GREETING)
    ]
    time.sleep(max(quiet - time.monotonic(), 0))
    stage.redis.flushall()
    _keep_accounts(stage, [ids for place, (_, ids) in enumerate(families) if place % 2 < 2 * CACHED_SHARE])
    outcome = _run(stage, messages, progress)
    return table(outcome)


def _warm_up(stage: Stage) -> None:
    """Processes are up before the minute begins, as they are on AWS with provisioned concurrency."""
    wishes = ["balance", "balance", "gate pass", "When is sports day?"]
    families = parents_of(stage.school)[: 2 * SENDERS]
    messages = [
        Sent(Written(place / SENDERS, 0, wishes[place % len(wishes)]), *family, new_message_id())
        for place, family in enumerate(families)
    ]
    _run(stage, messages, lambda _: None)


def _keep_accounts(stage: Stage, families: Sequence[Sequence[str]]) -> None:
    """As `record_conversation` caches them."""
    pipe = stage.redis.pipeline(transaction=False)
    line = {"fee_type": "Tuition", "amount": "400.00", "date": "2026-09-07"}
    for ids in families:
        for name in ids:
            value = {"at": time.time(), "v": {"bills": [line], "payments": [line]}}
            pipe.set(f"v1:account:{name}:{TERM}", json.dumps(value), ex=3600)
    pipe.execute()


def _run(stage: Stage, messages: list[Sent], progress: Callable[[int], None]) -> Outcome:
    """Send each at its time, wait for the last reply."""
    began = time.time() + 0.5
    by_name = {message.name: message for message in messages}

    def send(message: Sent) -> None:
        due = began + message.written.at
        time.sleep(max(due - time.time(), 0))
        wish = message.written.wish
        words = f"gate pass {message.children[0]}" if wish == "gate pass" else wish
        raw = encode(message.parent.webhook_body(text(words), message.name))
        message.at = time.time()
        message.late = message.at - due
        message.status = post_webhook(stage.running, raw)[0]
        while message.status != 200 and time.time() < due + LAST_REPLY_SECONDS:  # WhatsApp sends it again
            message.refused += 1
            time.sleep(1)
            message.status = post_webhook(stage.running, raw)[0]
        progress(1)

    with ThreadPoolExecutor(SENDERS) as threads:
        list(threads.map(send, messages))
    deadline = time.time() + LAST_REPLY_SECONDS
    while time.time() < deadline:
        replies = stage.running.world("GET", "/outbox", after=began)
        for reply in replies:
            if (message := by_name.get(reply["opaque"] or "")) and message.replied is None:
                message.replied = reply["time"]
                message.apology = "busy" in json.dumps(reply["body"]).lower()
        if all(message.replied for message in messages):
            break
        time.sleep(1)
    calls = stage.running.world("GET", "/calls", after=began)
    asked: dict[str, float] = {}
    for call in calls:
        if call["service"] == "school":
            asked.setdefault(call["detail"].split()[0], call["start"])
    for message in messages:
        starts = [asked[name] for name in message.children if name in asked]
        message.fetched = any(start < (message.replied or start) for start in starts)
    return Outcome(messages, calls, stage.running.aws("GET", "/queues"))


# --- the table -------------------------------------------------------------------------------------------------------


def table(outcome: Outcome) -> Table:
    sent = outcome.sent
    answered = [one for one in sent if one.replied]
    accounts = [one for one in answered if one.written.wish in ("balance", "statement", "gate pass")]
    cached = [one for one in accounts if not one.fetched and not one.apology]
    school = [call for call in outcome.calls if call["service"] == "school"]
    refused = [call for call in school if call["status"] == 429]
    left = sum(queue["visible"] + queue["in_flight"] for queue in outcome.queues.values())
    made = Table(
        f"Morning rush: {len(sent):,} parents within {SECONDS:.0f} s, school API {CALLS_PER_MINUTE} calls a minute",
        ["answers", "messages", "share %", "P50 s", "P95 s", "targets"],
    )
    groups = {
        "all": (answered, [Target(len(sent) - len(answered), 0, " lost")]),
        "menu and questions": ([one for one in answered if one not in accounts], []),
        "account, from the cache": (cached, [Target(p95(_waits(cached)), CACHED_SECONDS, " s", digits=2)]),
        "account, fetched": ([one for one in accounts if one.fetched and not one.apology], []),
        "account: please come back": ([one for one in accounts if one.apology], []),
    }
    for name, (group, targets) in groups.items():
        waits = _waits(group)
        made.add(
            [
                name,
                f"{len(group):,}",
                f"{100 * len(group) / len(sent):.1f}",
                f"{median(waits):.2f}" if waits else "–",
                f"{p95(waits):.2f}" if waits else "–",
            ],
            targets,
            answers=name,
            messages=len(group),
            wait=summary(waits) if waits else None,
        )
    made.add(
        ["calls of the school API", len(school), "", "", ""],
        [Target(len(refused), 0, " refused (429)")],
        school_calls=len(school),
    )
    rate = 100 * len(cached) / max(len(accounts), 1)
    made.add(["cache hit rate of accounts", "", f"{rate:.1f}", "", ""], hit_rate=round(rate, 1), left_in_queues=left)
    late = p95([one.late for one in sent])
    made.notes = [
        f"Half of the families are in the cache when it begins. WhatsApp 0.6 s, school 0.29 s a call (observed). This "
        f"machine sent P95 {late:.2f} s after the time planned; not taken at first by the webhook: "
        f"{sum(one.refused > 0 for one in sent)}; left in the queues: {left}.",
        f"At most {MOST_PROCESSES} processes of a function, {PROCESSES['send_reply']} of send_reply: this machine's "
        "memory and cores. Delivery statuses are left out.",
    ]
    return made


def _waits(group: Sequence[Sent]) -> list[float]:
    return [one.replied - one.at for one in group if one.replied]
