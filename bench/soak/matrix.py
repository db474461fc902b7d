"""Every fault of every part × everything that people ask for, on the running stack: what each of them got."""

import json
import random
import re
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, Final

import boto3

from bench.report import Table, Target
from bench.soak.faults import Fault
from bench.soak.traffic import Wish
from bench.soak.verdict import APOLOGY
from bench.stage import Family, Stage, families
from local.parent import Parent, new_message_id, text
from local.payments import book_payment
from local.plan import ACCESS_KEY, BUCKET, REGION, SECRET_KEY
from local.send_message import post_webhook
from local.stack_client import Refused
from local.world.webhooks import encode

MENU: Final = Wish("hi", 1, "Fee balance|About the school")
BALANCE: Final = Wish("balance", 1, "Billed|Fully paid|In credit|No fees")
STATEMENT: Final = Wish("statement", 1, "Statement")
GATE_PASS: Final = Wish("gate pass", 1, "GP-")
QUESTION: Final = Wish("When is the sports day of the school, please?", 1, ".")
STOP: Final = Wish("STOP", 1, "START")
OFFICE: Final = Wish("I want to speak to the bursar about our transport", 1, "with the office")
LOOK_UP: Final = Wish("balance of a student", 1, ".")  # by a number that the school does not know
PAYMENT: Final = Wish("a payment", 1, "has received")
NAMES: Final = {
    "menu": MENU,
    "balance": BALANCE,
    "statement": STATEMENT,
    "gate pass": GATE_PASS,
    "question": QUESTION,
    "STOP": STOP,
    "office": OFFICE,
    "look-up": LOOK_UP,
    "receipt": PAYMENT,
}

HOLD_SECONDS: Final = 4.0  # a fault lasts until everybody has an answer, and no longer than this
END_SECONDS: Final = 120.0  # what nobody should ever wait after it
QUIET_SECONDS: Final = 0.5
AGAIN_SECONDS: Final = 30.0

NOW, LATER, SORRY = "now", "later", "sorry"  # the last: an apology, and an answer when asked again
LOST, TWICE, WRONG = "LOST", "TWICE", "WRONG"
GOOD: Final = (NOW, LATER, SORRY)


@dataclass
class Case:
    """One message, or one payment, under one fault."""

    name: str  # of the wish
    parent: Parent
    words: str
    student: str = ""
    message_id: str = field(default_factory=new_message_id)

    @property
    def wish(self) -> Wish:
        return NAMES[self.name]


@dataclass
class Row:
    """What became of everything under one fault."""

    fault: Fault
    results: dict[str, str] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)  # rows, files, queues and claims that are not as they should be
    seconds: float = 0.0
    traces: dict[str, Any] = field(default_factory=dict)  # of what went wrong: replies and executions

    @property
    def is_good(self) -> bool:
        return not self.problems and all(result in GOOD for result in self.results.values())

    def __str__(self) -> str:
        bad = [f"{name}: {result}" for name, result in self.results.items() if result not in GOOD]
        return f"{self.fault}: " + ("; ".join([*bad, *self.problems]) or "good")


class Matrix:
    """The rows, one after the other on one stack. Only for the thread that started it: its servers end with it."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self._families = self._turns(families(stage.school, 1, 60))
        self._s3 = boto3.client(
            "s3",
            region_name=REGION,
            endpoint_url=stage.plan.aws_url,
            aws_access_key_id=ACCESS_KEY,
            aws_secret_access_key=SECRET_KEY,
        )
        self._say(Case("menu", Parent(stage.plan.office), "hi"))  # the office can be notified for 24 hours
        self._wait_until_quiet()

    @staticmethod
    def _turns(found: Sequence[Family]) -> Iterator[Family]:
        while True:
            yield from found

    def row(self, fault: Fault) -> Row:
        """Everything asked once while the fault lasts; judged when it is over."""
        began = time.monotonic()
        cases = self._cases()
        self._prepare(cases)
        row = Row(fault)
        with ThreadPoolExecutor(len(cases)) as threads:
            fault.begin(self.stage)
            try:
                sent = [threads.submit(self._say, case) for case in cases]
                self._hold(cases)
            finally:
                fault.end(self.stage)
                ended = time.time()
            for done in sent:
                done.result()
        self._wait_until_quiet()
        for case in cases:
            row.results[case.name] = self._result(case, ended)
            if row.results[case.name] not in GOOD:
                row.traces[case.name] = self._trace(case)
        self._wait_until_quiet()
        row.problems = [*self._problems(cases), *self._left_over()]
        row.seconds = time.monotonic() - began
        return row

    # --- asking ----------------------------------------------------------------------------------------------------

    def _cases(self) -> list[Case]:
        """One case for each wish, each by someone else."""
        found = []
        for name, wish in NAMES.items():
            if wish in (MENU, BALANCE, STATEMENT, GATE_PASS, PAYMENT):
                family = next(self._families)
                found.append(Case(name, family.parent, wish.words, family.ids[0]))
                self.stage.forget(family)
                self.stage.withdraw_passes(family)
            else:
                stranger = Parent(f"+26377{random.randrange(10**6):06d}{random.randrange(10)}")
                found.append(Case(name, stranger, wish.words))
        student = next(case.student for case in found if case.wish == BALANCE)
        for case in found:
            if case.wish == LOOK_UP:
                case.words = f"balance {student}"
        return found

    def _prepare(self, cases: Sequence[Case]) -> None:
        """A parent gets receipts within 24 hours of a message; common answers are made anew."""
        for name in list(self.stage.redis.scan_iter("v1:answer:*")):
            self.stage.redis.delete(name)
        (payer,) = (case for case in cases if case.wish == PAYMENT)
        self._say(Case("menu", payer.parent, "hi"))
        self._wait_until_quiet()

    def _say(self, case: Case) -> None:
        """Until it is accepted, as WhatsApp and the school's system do."""
        if case.wish == PAYMENT:
            self._pay(case)
            return
        raw = encode(case.parent.webhook_body(text(case.words), case.message_id))
        until = time.monotonic() + END_SECONDS
        while time.monotonic() < until:
            try:
                if post_webhook(self.stage.running, raw)[0] == 200:
                    return
            except OSError:
                pass
            time.sleep(0.5)

    def _pay(self, case: Case) -> None:
        until = time.monotonic() + END_SECONDS
        while time.monotonic() < until:
            try:
                book_payment(self.stage.running, case.student, "25.00", event_id=case.message_id)
                return
            except (Refused, OSError):
                time.sleep(0.5)

    def _hold(self, cases: Sequence[Case]) -> None:
        until = time.monotonic() + HOLD_SECONDS
        while time.monotonic() < until and not all(self._replies(case) for case in cases):
            time.sleep(0.1)

    # --- judging ---------------------------------------------------------------------------------------------------

    def _replies(self, case: Case) -> list[dict[str, Any]]:
        if case.wish == PAYMENT:
            found = self.stage.running.world("GET", "/outbox")  # it may go to the number or to the user id
            return [reply for reply in found if (reply["opaque"] or "").startswith(f"payment:{case.message_id}:")]
        replies: list[dict[str, Any]] = self.stage.running.world(
            "GET", "/outbox", to=case.parent.address, in_reply_to=case.message_id
        )
        return replies

    def _result(self, case: Case, ended: float) -> str:
        replies = self._replies(case)
        if not replies:
            return LOST
        if len(replies) > 1:
            return TWICE
        words = json.dumps(replies[0]["body"], ensure_ascii=False)
        if APOLOGY.search(words):
            return self._asked_again(case)
        if not _matches(case.wish, words):
            return WRONG
        return NOW if replies[0]["time"] <= ended else LATER

    def _trace(self, case: Case) -> dict[str, Any]:
        runs = [
            run for run in self.stage.running.aws("GET", "/executions") if case.message_id in str(run["message_id"])
        ]
        return {"message_id": case.message_id, "replies": self._replies(case), "runs": runs}

    def _asked_again(self, case: Case) -> str:
        """After an apology the person asks again, and is answered."""
        again = Case(case.name, case.parent, case.words, case.student)
        self._say(again)
        until = time.monotonic() + AGAIN_SECONDS
        while not (replies := self._replies(again)) and time.monotonic() < until:
            time.sleep(0.1)
        words = json.dumps([reply["body"] for reply in replies], ensure_ascii=False)
        is_answered = len(replies) == 1 and not APOLOGY.search(words) and _matches(case.wish, words)
        return SORRY if is_answered else WRONG

    def _problems(self, cases: Sequence[Case]) -> list[str]:
        """Rows and files that do not go together."""
        found = []
        by_name = {case.name: case for case in cases}
        student, stranger = by_name["gate pass"].student, by_name["STOP"].parent
        numbers = self.stage.column("SELECT number FROM gate_passes WHERE student_id = :id", id=student)
        if len(numbers) != 1 or not numbers[0].startswith("GP-"):
            found.append(f"{len(numbers)} passes")
        files = {item["Key"] for item in self._s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])}
        if missing := [number for number in numbers if f"passes/{number}.pdf" not in files]:
            found.append(f"passes without a file: {len(missing)}")
        stopped = self.stage.column("SELECT opted_out_at FROM contacts WHERE phone = :phone", phone=stranger.phone)
        if len(stopped) != 1 or stopped[0] is None:
            found.append("a confirmed STOP is not on record")
        told = self.stage.column(
            "SELECT told_at FROM office_requests WHERE phone = :phone AND told_at IS NOT NULL",
            phone=by_name["office"].parent.phone,
        )
        notified = [
            reply
            for reply in self.stage.running.world("GET", "/outbox", to=self.stage.plan.office.lstrip("+"))
            if (reply["opaque"] or "").startswith(by_name["office"].message_id)
        ]
        if len(told) != 1 or len(notified) > 1:
            found.append(f"office: {len(told)} requests notified, {len(notified)} notifications of the first")
        return found

    def _left_over(self) -> list[str]:
        """Messages in queues, and claims of runs that have ended."""
        counts = self.stage.running.aws("GET", "/queues")
        found = [f"{sum(count.values())} in {name}" for name, count in counts.items() if sum(count.values())]
        claims = [str(self.stage.redis.get(name)) for name in list(self.stage.redis.scan_iter("v1:claim:*"))]
        busy = sum(claim.startswith("busy") for claim in claims)
        return [*found, *([f"{busy} claims left"] if busy else [])]

    def _wait_until_quiet(self) -> None:
        until, quiet_since = time.monotonic() + END_SECONDS, time.monotonic()
        while time.monotonic() - quiet_since < QUIET_SECONDS and time.monotonic() < until:
            counts = self.stage.running.aws("GET", "/queues")
            if sum(sum(count.values()) for name, count in counts.items() if "dead" not in name):
                quiet_since = time.monotonic()
            time.sleep(0.1)


def _matches(wish: Wish, words: str) -> bool:
    return bool(re.search(wish.answer, words))


def table(rows: Sequence[Row], command: str) -> Table:
    """Part and fault, and what became of each wish."""
    found = Table("Fault matrix", ("part", "fault", *NAMES, "left over"))
    for row in rows:
        found.add((row.fault.part, row.fault.kind, *(row.results[name] for name in NAMES), "; ".join(row.problems)))
    bad = sum(not row.is_good for row in rows)
    found.targets.append(("rows that are not good", Target(bad, 0)))
    found.notes.append(
        f"`{command}`: {len(rows)} faults × {len(NAMES)} wishes. *now*: answered while the fault lasted; *later*: "
        "answered once it was over; *sorry*: one apology, and an answer when asked again."
    )
    return found
