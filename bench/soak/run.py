"""One soak on a running stack."""

import json
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from random import Random
from typing import Any, Final

from bench.soak.disturbances import Disturber, schedule
from bench.soak.traffic import WISHES, Delivery, deliveries, write
from bench.soak.verdict import Asked, Reply, Verdict, judge
from bench.stage import Stage, families
from local.parent import Parent, new_message_id, text
from local.payments import book_payment
from local.send_message import post_webhook
from local.stack_client import Refused
from local.world import sample
from local.world.sample import SampleSchool
from local.world.webhooks import encode, wrap

STUDENTS: Final = 1_500
MESSAGES_A_SECOND: Final = 4.0
PROCESSES: Final = 4  # of each function: a small machine bears no more
AT_ONCE: Final = 32  # webhook requests
PAYMENTS: Final = 0.04  # payment notices for each message
PAUSES: Final = (0.5, 1, 2, 4, 8, 15, 30, 30, 30)  # of WhatsApp, after a body that was not answered with 200
MOST_WAITING: Final = 16  # messages, before the morning stands still
LOOK_SECONDS: Final = 0.5
QUIET_SECONDS: Final = 3.0  # without a message in a queue, after which nothing more is expected
LONGEST_WAIT: Final = 300.0
DAYS_LATER: Final = 8
DAY: Final = 86_400


class Stopped(Exception):
    """The soak was stopped before its end."""


class Clock:
    """The time of the morning: it stands still while the machine is behind, so that only faults make messages wait."""

    def __init__(self, is_behind: Callable[[], bool]) -> None:
        self._is_behind = is_behind
        self._now = 0.0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._tick, name="clock", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def has_come(self, moment: float) -> bool:
        return self._now >= moment

    def wait_for(self, moment: float) -> None:
        while not self.has_come(moment):
            self.pause(0.02)

    def pause(self, seconds: float) -> None:
        """Real seconds; Stopped when the soak is over before."""
        if self._ended.wait(seconds):
            raise Stopped

    def _tick(self) -> None:
        last = next_look = time.monotonic()
        is_behind = False
        while not self._ended.wait(0.02):
            now = time.monotonic()
            if now >= next_look:
                is_behind = self._is_behind()
                next_look = time.monotonic() + LOOK_SECONDS
                now = time.monotonic()
            self._now += 0 if is_behind else min(now - last, LOOK_SECONDS)
            last = now


@dataclass
class Outcome:
    """What happened."""

    verdict: Verdict
    seed: int
    bodies: int
    refused: int  # bodies that were not answered with 200 at first
    killed: Counter[str]
    disturbed: Counter[str]
    dead_letters: int
    sent_again: int  # messages sent again as of eight days later
    answered_again: int  # of those
    passes_twice: int  # children with two valid passes of one term
    claims_left: int
    payments: int
    receipts: int
    seconds: float
    traces: dict[str, Any] = field(default_factory=dict)  # of messages that went wrong

    @property
    def is_good(self) -> bool:
        return self.verdict.is_good and not (
            self.dead_letters or self.answered_again or self.passes_twice or self.claims_left
        )


class Soak:
    """The traffic, and what is known of it."""

    def __init__(self, stage: Stage, messages: int, senders: int, kills: int, seed: int, rate: float) -> None:
        self.stage, self.kills, self.seed = stage, kills, seed
        self.random = Random(seed)
        self.seconds = messages / rate
        school = SampleSchool.of_size(STUDENTS, stage.school.today, stage.plan.seed, stage.plan.config)
        stage.running.world("PUT", "/school-size", {"students": STUDENTS})
        sample.load(f"postgresql+pg8000://assistant@127.0.0.1:{stage.plan.ports.postgres}/school", school)
        stage.stack.postgres.wait_for_replica()
        everyone = families(school, 1, senders + len(WISHES))
        self.families, self.strangers = everyone[: -len(WISHES)], everyone[-len(WISHES) :]
        self.written = write(self.random, messages, len(self.families), self.seconds)
        self.deliveries = deliveries(self.random, self.written)
        self.asked = [Asked(new_message_id(), item.sender, item.wish) for item in self.written]
        self.contents: list[dict[str, Any]] = []
        self.refused = 0
        self._lock = threading.Lock()
        self.runs: dict[str, dict[str, Any]] = {}  # executions, by name
        self.clock = Clock(self._is_behind)

    def run(self, progress: Callable[[str, int], None]) -> Outcome:
        """`progress` gets "messages" or "kills", and how many more."""
        self._warm_up()
        began = time.time()
        self.clock.start()
        disturber = Disturber(self.stage.stack, Random(self.seed + 1))
        self.contents = [
            self._parent(place).message(text(item.wish.words), self.asked[place].name)
            for place, item in enumerate(self.written)
        ]
        payments = [self.random.uniform(0.2, 1) * self.seconds for _ in range(round(PAYMENTS * len(self.written)))]
        with ThreadPoolExecutor(AT_ONCE) as threads, ThreadPoolExecutor(2) as schedules:
            sending = schedules.submit(self._send_all, threads, progress)
            paying = schedules.submit(self._pay, sorted(payments))
            try:
                self._disturb(disturber, sending, progress)
                for done in sending.result():
                    done.result()
                paid = paying.result()
            except BaseException:
                self.clock.stop()  # the threads too
                raise
        self._wait_until_quiet()
        dead = self._dead_letters()
        if dead:
            self.stage.running.aws("POST", "/redrive")
            self._wait_until_quiet()
        before = self._replies()
        self.clock.stop()
        verdict = judge(self.asked, before, disturber.outages)
        again = self._send_as_of_eight_days_later(progress)
        traces = {name: self._trace(name) for name in verdict.bad}
        return Outcome(
            verdict=verdict,
            seed=self.seed,
            bodies=len(self.deliveries),
            refused=self.refused,
            killed=disturber.killed,
            disturbed=disturber.done,
            dead_letters=dead,
            sent_again=again,
            answered_again=len(self._replies()) - len(before),
            passes_twice=self._passes_twice(),
            claims_left=self._claims_left(),
            payments=paid,
            receipts=sum(reply.answers.startswith("payment:") for reply in before),
            seconds=time.time() - began,
            traces=traces,
        )

    def _warm_up(self) -> None:
        """One message of each wish and a payment, by others: functions that are in use have processes."""
        for family, wish in zip(self.strangers, WISHES, strict=True):
            self._post(encode(family.parent.webhook_body(text(wish.words), new_message_id())))
        self._wait_until_quiet()
        book_payment(self.stage.running, self.strangers[0].ids[0], "25.00")
        self._wait_until_quiet()
        self.stage.running.world("DELETE", "/outbox")

    def _disturb(
        self, disturber: Disturber, sending: Future[list[Future[None]]], progress: Callable[[str, int], None]
    ) -> None:
        """Until everything is sent and every server is back."""
        for item in schedule(Random(self.seed + 2), self.kills, self.seconds):
            while not self.clock.has_come(item.at):
                disturber.end_due()
                time.sleep(0.02)
            disturber.do(item)
            progress(item.what, 1)
        while not sending.done():
            disturber.end_due()
            time.sleep(0.02)
        disturber.end_due(all_of_them=True)

    # --- sending ---------------------------------------------------------------------------------------------------

    def _parent(self, place: int) -> Parent:
        return self.families[self.written[place].sender].parent

    def _send_all(self, threads: ThreadPoolExecutor, progress: Callable[[str, int], None]) -> list[Future[None]]:
        """Each body at its time."""
        seen: set[int] = set()
        sent = []
        for delivery in self.deliveries:
            self.clock.wait_for(delivery.at)
            sent.append(threads.submit(self._deliver, delivery))
            new = set(delivery.messages) - seen
            seen |= new
            progress("messages", len(new))
        return sent

    def _deliver(self, delivery: Delivery) -> None:
        """One body until it is answered with 200, as WhatsApp does."""
        begun = time.time()
        with self._lock:
            for place in delivery.messages:
                asked = self.asked[place]
                if not asked.begun:
                    asked.begun = begun
                    asked.written = float(int(begun - (delivery.at - self.written[place].at)))
                    self.contents[place]["timestamp"] = str(int(asked.written))
            raw = self._body(delivery.messages)
        for pause in PAUSES:
            if self._post(raw) == 200:
                for place in delivery.messages:
                    self.asked[place].accepted = self.asked[place].accepted or time.time()
                return
            self.refused += 1
            self.clock.pause(pause)

    def _post(self, raw: bytes) -> int:
        try:
            return post_webhook(self.stage.running, raw)[0]
        except OSError:
            return 0

    def _body(self, places: Sequence[int], seconds_ago: int = 0) -> bytes:
        contacts = {self._parent(place): self._parent(place).contact() for place in places}
        messages = [
            content | {"timestamp": str(int(content["timestamp"]) - seconds_ago)}
            for content in (self.contents[place] for place in places)
        ]
        return encode(wrap(contacts=list(contacts.values()), messages=messages))

    def _pay(self, moments: Sequence[float]) -> int:
        """Payments of families that write, each announced twice; how many."""
        random = Random(self.seed + 3)
        paid = 0
        for moment in moments:
            self.clock.wait_for(moment)
            child, event = random.choice(self.families).ids[0], f"soak-{self.seed}-{paid}"
            for _ in range(2):
                try:
                    book_payment(self.stage.running, child, "25.00", event_id=event)
                except (Refused, OSError):
                    self.clock.pause(1)
            paid += 1
        return paid

    def _send_as_of_eight_days_later(self, progress: Callable[[str, int], None]) -> int:
        """The first third of the messages once more: the claims and the queue's memory have ended; how many."""
        places = range(len(self.written) // 3)
        for seconds_ago in (0, DAYS_LATER * DAY):
            self.stage.stack.redis.kill()  # eight days later no claim is left
            self.stage.stack.redis.start()
            self.stage.stack.redis.wait()
            self.stage.running.aws("POST", "/queues/forget-duplicates")
            with ThreadPoolExecutor(PROCESSES) as threads:
                for _ in threads.map(partial(self._send_again, seconds_ago=seconds_ago), places):
                    progress("again", 1)
            self._wait_until_quiet()
        return 2 * len(places)

    def _is_behind(self) -> bool:
        """Whether more messages wait than a small machine can take on; looks at the latest executions too."""
        self._note_runs()
        return sum(self._queues()["messages.fifo"].values()) > MOST_WAITING

    def _send_again(self, place: int, seconds_ago: int) -> None:
        while self._post(self._body([place], seconds_ago)) != 200:
            time.sleep(1)

    # --- afterwards ------------------------------------------------------------------------------------------------

    def _wait_until_quiet(self) -> None:
        """Until no message has been in a queue for a while; dead letters do not count."""
        until, quiet_since = time.monotonic() + LONGEST_WAIT, time.monotonic()
        while time.monotonic() < until:
            waiting = sum(sum(count.values()) for name, count in self._queues().items() if "dead" not in name)
            quiet_since = time.monotonic() if waiting else quiet_since
            if time.monotonic() - quiet_since > QUIET_SECONDS:
                return
            self._note_runs()
            time.sleep(0.5)

    def _queues(self) -> dict[str, dict[str, int]]:
        found: dict[str, dict[str, int]] = self.stage.running.aws("GET", "/queues")
        return found

    def _dead_letters(self) -> int:
        return sum(sum(count.values()) for name, count in self._queues().items() if "dead" in name)

    def _replies(self) -> list[Reply]:
        found = self.stage.running.world("GET", "/outbox")
        return [
            Reply(item["opaque"] or "", item["time"], json.dumps(item["body"], ensure_ascii=False)) for item in found
        ]

    def _passes_twice(self) -> int:
        query = "SELECT count(*) FROM (SELECT 1 FROM gate_passes GROUP BY student_id, term, tier HAVING count(*) > 1) t"
        return int(self.stage.scalar(query))

    def _claims_left(self) -> int:
        """Claims of runs that have ended."""
        names = list(self.stage.redis.scan_iter("v1:claim:*"))
        return sum(str(self.stage.redis.get(name)).startswith("busy") for name in names)

    def _note_runs(self) -> None:
        """The service keeps the latest executions only."""
        for found in self.stage.running.aws("GET", "/executions"):
            if found["status"] != "RUNNING":
                self.runs[found["name"]] = found

    def _trace(self, name: str) -> dict[str, Any]:
        """All that is known of one message."""
        runs = sorted(
            (run for run in self.runs.values() if run.get("message_id") == name), key=lambda run: run["start"]
        )
        asked = next((item for item in self.asked if item.name == name), None)
        return {
            "asked": vars(asked) | {"wish": asked.wish.words} if asked else None,
            "replies": [vars(reply) for reply in self._replies() if reply.answers == name],
            "runs": [
                {"start": run["start"], "stop": run["stop"], "status": run["status"], "cause": run["cause"]}
                | {"receive_count": run.get("receive_count")}
                | {"states": [(state["name"], state["error"], state["attempts"]) for state in run["timeline"]]}
                for run in runs
            ],
        }


def soak(
    stage: Stage,
    messages: int,
    senders: int,
    kills: int,
    seed: int,
    rate: float,
    progress: Callable[[str, int], None],
) -> Outcome:
    """The whole soak, on a stack with the delays that were observed in production."""
    stage.limit_processes(PROCESSES)
    stage.use("observed")
    return Soak(stage, messages, senders, kills, seed, rate).run(progress)
