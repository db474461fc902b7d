"""How often an answer is in the cache: days of messages through the services of `understand` and `record_conversation`.

Both run in this process against the stack's real Redis and PostgreSQL, with a clock that jumps from message to
message: the ages of what is kept are those of a real day, which then takes half a minute. What the school would answer
is cached as `record_conversation` caches it after a fetch of 1.5 s. The school's rate limit is the real script, on that
same clock. What Redis itself lets go of after 24 hours has no part in it: soft lives are minutes.
"""

import os
import time
from collections import Counter
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from types import ModuleType
from typing import Any, Final

from bench import traces
from bench.report import Table, Target
from bench.stage import TODAY, Stage
from bench.traces import FIRST_WEEK_HOURS, ORDINARY_HOURS, Written
from infra.catalog import function
from local.child import die_with_parent
from local.parent import Parent, new_message_id, text
from local.plan import Plan
from local.world import sample
from local.world.sample import SampleSchool

STUDENTS: Final = 2_000
FETCH_SECONDS: Final = 1.5
TARGET: Final = 80.0  # percent
CALLS_PER_MINUTE: Final = 120  # that the school allows of each kind
OTHER_SHARES: Final = (0.5, 0.8, 0.9)  # of sittings that begin with a greeting
DAY: Final = 86_400.0


@dataclass
class Found:
    """What one day came to."""

    messages: int = 0
    wanted: Counter[str] = field(default_factory=Counter)  # answers that something cached can give
    hits: Counter[str] = field(default_factory=Counter)  # those that it gave
    school_calls: int = 0
    metrics: Counter[str] = field(default_factory=Counter)  # what the product's own dashboard would count
    busy: int = 0  # parents who were asked to come back, since the school's API had no turn left
    stale: int = 0  # answers with figures of earlier, dated, for the same reason
    at_once: int = 0  # messages that found the same account being fetched for another guardian

    def add(self, other: "Found") -> None:
        self.messages += other.messages
        self.wanted.update(other.wanted)
        self.hits.update(other.hits)
        self.metrics.update(other.metrics)
        self.school_calls += other.school_calls
        self.busy += other.busy
        self.stale += other.stale
        self.at_once += other.at_once

    @property
    def rate(self) -> float:
        """Percent of the answers that needed figures or a model and had them at once."""
        return 100 * sum(self.hits.values()) / max(sum(self.wanted.values()), 1)


class Clock:
    """Stands in for the module `time` in the code under test."""

    def __init__(self) -> None:
        self.now = 0.0

    def time(self) -> float:
        return self.now

    def __getattr__(self, name: str) -> Any:
        return getattr(time, name)


@dataclass(frozen=True)
class Change:
    """One thing done otherwise than the product does it."""

    account_life: float | None = None  # seconds that what is kept counts as fresh
    prefetch: bool = True  # behind a greeting or a menu
    old_answers: bool = True  # to common questions, given at once and made anew behind that


def replay(plan: Plan, written: Sequence[Written], begins: float, space: str, change: Change) -> Found:
    """One day in a process of its own; `space` keeps its keys apart from other days'."""
    for name in ("understand", "record_conversation"):
        os.environ.update(plan.environment(function(name)))
    os.environ |= {"LOG_LEVEL": "CRITICAL", "SCHOOL_API_CALLS_PER_MINUTE": str(CALLS_PER_MINUTE)}
    import redis

    from functions import dependencies
    from functions.adapters import observability
    from functions.adapters.cache import account_cache, rate_limit, redis_client
    from functions.adapters.whatsapp import inbound
    from functions.domain.messages import Message
    from functions.services import account_lookup, handle_message
    from functions.services.handle_message import IncomingMessage
    from functions.services.record_conversation import Conversation

    clock, found = Clock(), Found()
    server = redis.Redis(port=plan.ports.redis)
    now_key = f"{space}:now"
    for module in (account_cache, handle_message, redis_client):
        replace_in(module, time=clock)
    replace_in(redis_client, VERSION=space)
    replace_in(account_lookup, SOFT_LIFE=change.account_life or account_cache.SOFT_LIFE)
    script = rate_limit._RESERVE.replace("redis.call('TIME')", f"{{redis.call('GET', '{now_key}'), '0'}}")
    replace_in(rate_limit, _RESERVE=script)

    def count(name: str, value: float = 1) -> None:
        found.metrics[name] += int(value)

    replace_in(observability, count=count)
    understand, recorder = dependencies.message_handler(), dependencies.conversation_recorder()
    parents = parents_of(school_of(plan))
    under_way: dict[str, tuple[float, int]] = {}  # a child -> when its account was last asked for, and by whom
    for one in written:
        clock.now = begins + one.at
        server.set(now_key, f"{clock.now:.3f}")
        parent = parents[one.parent % len(parents)]
        children = parent[1]
        wish = f"gate pass {children[0]}" if one.wish == "gate pass" else one.wish
        body = parent[0].webhook_body(text(wish), new_message_id())
        message = inbound.read(body).messages[0].as_json() | {"timestamp": 0}
        seen = understand.handle(IncomingMessage(Message.read(message), run="")).as_json()
        fetch = seen["fetch"] or (seen["prefetch"] if change.prefetch else None)
        if not change.old_answers and seen["refresh_answer"]:
            seen["answer"] = None
        _note(found, seen)
        if seen["plan"]["students"]:
            begun = under_way.get(children[0], (0.0, one.parent))
            found.at_once += clock.now - begun[0] < FETCH_SECONDS and begun[1] != one.parent
            under_way |= {children[0]: (clock.now, one.parent)} if fetch else {}
        clock.now += FETCH_SECONDS if fetch else 0
        account = None
        if fetch:
            ids = fetch["student_ids"]
            found.school_calls += 2 * len(ids)
            lines: dict[str, list[object]] = {name: [] for name in ids}
            account = {"term": fetch["term"], "bills": lines, "payments": lines}
        after = {
            "message": message,
            "plan": seen["plan"],
            "account": account,
            "fetched": bool(account),
            "question_key": seen["question_key"],
            "cacheable": seen["plan"]["next"] == "ai_reply" and (seen["refresh_answer"] or not seen["answer"]),
            "answer": "An answer.",
        }
        recorder._cache(Conversation.parse(after))
    return found


def replace_in(module: ModuleType, **values: object) -> None:
    """Give names of a module of the product other values, in this process."""
    for name, value in values.items():
        if not hasattr(module, name):
            raise AttributeError(f"{module.__name__} has no {name}")
        setattr(module, name, value)


def _note(found: Found, seen: dict[str, Any]) -> None:
    """Whether this message's answer waited for the school or a model."""
    found.messages += 1
    plan = seen["plan"]
    found.busy += seen["problem"] == "school_busy"
    if plan["needs_account"]:
        found.wanted["account"] += 1
        stale = bool(seen["account"] and seen["account"]["stale"])  # the school's API had no turn left
        found.stale += stale
        found.hits["account"] += bool(seen["account"]) and not stale
    elif seen["question_key"]:
        found.wanted["answer"] += 1
        found.hits["answer"] += bool(seen["answer"])


def school_of(plan: Plan) -> SampleSchool:
    return SampleSchool.of_size(STUDENTS, plan.today or TODAY, plan.seed)


def parents_of(school: SampleSchool) -> list[tuple[Parent, list[str]]]:
    """Every guardian with the children on record."""
    children: dict[str, list[str]] = {}
    for student in school.students:
        if not student.is_newcomer and student.has_account:
            for phone, kind in student.phones:
                if kind == "guardian":
                    children.setdefault(phone, []).append(student.id)
    return [(Parent(phone), ids) for phone, ids in sorted(children.items())]


def measure(stage: Stage, days: int, messages: int, progress: Any) -> Table:
    """An ordinary day, the first week (`days` of ten times as many messages), and other habits than assumed."""
    school = school_of(stage.plan)
    url = f"postgresql+pg8000://assistant@127.0.0.1:{stage.plan.ports.postgres}/school"
    sample.load(url, school)
    stage.stack.postgres.wait_for_replica()
    parents = len(parents_of(school))
    ordinary = traces.day(parents, messages, ORDINARY_HOURS, seed=1)
    busy_day = partial(traces.day, messages=10 * messages, hours=FIRST_WEEK_HOURS)
    works: list[tuple[str, list[Written], Change]] = [
        ("ordinary day", ordinary, Change()),
        *(("first week of term", busy_day(parents, seed=10 + number), Change()) for number in range(days)),
        *(
            (f"if {share:.0%} greet", traces.day(parents, messages, ORDINARY_HOURS, seed=1, greeting=share), Change())
            for share in OTHER_SHARES
        ),
        ("if nothing were fetched ahead", ordinary, Change(prefetch=False)),
        ("if no answer were over ten minutes old", ordinary, Change(old_answers=False)),
        ("if accounts lived an hour", ordinary, Change(account_life=3600.0)),
        # Twice as many who write; of each two the children are the same.
        ("if both guardians write, a busy day", busy_day(2 * parents, seed=10), Change()),
    ]
    totals: dict[str, Found] = {}
    with ProcessPoolExecutor(2, get_context("spawn"), die_with_parent, max_tasks_per_child=1) as processes:
        begins = float(int(time.time()) // int(DAY) * int(DAY))
        futures = [
            (name, processes.submit(replay, stage.plan, written, begins + DAY * place, f"day{place}", change))
            for place, (name, written, change) in enumerate(works)
        ]
        for name, future in futures:
            totals.setdefault(name, Found()).add(future.result())
            progress(1)
    return table(totals)


def steps(days: int) -> int:
    return days + 5 + len(OTHER_SHARES)


def table(totals: dict[str, Found]) -> Table:
    made = Table(
        f"Cache hit rate, {STUDENTS:,} students: % of answers that needed figures or a model",
        [
            "trace",
            "messages",
            "hit rate",
            "accounts",
            "answers",
            "metric",
            "school calls",
            "told busy",
            "stale",
            "at once",
            "targets",
        ],
    )
    for name, found in totals.items():
        counted = found.metrics["CacheHits"], found.metrics["CacheMisses"]
        by_kind = {kind: 100 * found.hits[kind] / max(found.wanted[kind], 1) for kind in ("account", "answer")}
        metric = 100 * counted[0] / max(sum(counted), 1)
        targets = [Target(found.rate, TARGET, " %", at_least=True)] if not name.startswith("if") else []
        made.add(
            [
                name,
                f"{found.messages:,}",
                f"{found.rate:.1f}",
                f"{by_kind['account']:.1f}",
                f"{by_kind['answer']:.1f}",
                f"{metric:.1f}",
                f"{found.school_calls:,}",
                found.busy,
                found.stale,
                found.at_once,
            ],
            targets,
            trace=name,
            messages=found.messages,
            rate=round(found.rate, 2),
            metric=round(metric, 2),
            by_kind=by_kind,
            school_calls=found.school_calls,
            busy=found.busy,
            stale=found.stale,
            at_once=found.at_once,
        )
    made.notes = [
        "hit rate: the parent did not wait for the school or the model. metric: every look-up that the product "
        "counts as CacheHits or CacheMisses, people and fetches behind a menu included.",
        f"Assumed: {traces.GREETING:.0%} of sittings begin with a greeting, behind which the account is fetched. The "
        "first wish of the others finds nothing: where parents come once a day, accounts cannot pass "
        f"{traces.most_accounts():.1%}.",
        f"The school's ceiling is {CALLS_PER_MINUTE} calls a minute and kind. if …: the ordinary day with one change. "
        "at once: messages that found the same account being fetched already, for the other guardian.",
    ]
    return made
