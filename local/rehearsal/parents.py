"""What parents and the school do during a rehearsal, and that each gets exactly one answer."""

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Final

from local.http_client import request
from local.parent import Parent, new_message_id, text
from local.payments import book_payment
from local.rehearsal.checks import CheckFailed, check
from local.send_message import Outcome, post_webhook, send_message
from local.stack_client import StackClient
from local.world.webhooks import encode

SECONDS: Final = 120  # to wait for an answer, at most: a busy machine is slow
FIRST_OF_CROWD: Final = 263_773_000_000  # each of its messages comes from another number: nobody meets a limit
AT_ONCE: Final = 2  # messages of the crowd that are under way; a slow machine gets fewer in all


def says(running: StackClient, phone: str, words: str) -> tuple[str, Outcome]:
    """A message, and the text of its answer."""
    outcome = send_message(running, Parent(phone), text(words), seconds=SECONDS)
    if not outcome.replies:
        raise CheckFailed(f"no answer to {words!r}: status {outcome.status}, {outcome.execution}")
    return str(outcome.replies[0]["body"]), outcome


def mother(running: StackClient) -> str:
    """The number of the sample parent who has paid all."""
    sample = running.world("GET", "/sample")
    return str(next(parent["phone"] for parent in sample if parent["situation"].startswith("fully paid")))


def menu(running: StackClient) -> str:
    said, _ = says(running, mother(running), "hi")
    check("list" in said or "button" in said, "the menu has nothing to tap:", said[:200])
    return "a menu"


def balance(running: StackClient) -> str:
    said, _ = says(running, mother(running), "balance")
    check("$" in said, "no amount in", said[:200])
    return "a balance"


def gate_pass(running: StackClient) -> str:
    """The pass comes as a document, and its QR code opens the deployed page."""
    import pypdfium2
    import zxingcpp

    said, outcome = says(running, mother(running), "gate pass")
    documents = [reply["document"] for reply in outcome.replies if reply.get("document")]
    check(bool(documents), "no document in", said[:300])
    _, content = request("GET", documents[0]["link"])
    image = pypdfium2.PdfDocument(content)[0].render(scale=2).to_pil()
    (code,) = zxingcpp.read_barcodes(image)
    host, _, path = code.text.removeprefix("https://").partition("/")
    check(".execute-api." in host, "the code leads to", host)
    status, page = request("GET", f"{running.plan.public_url}/{path}", timeout=60)
    check(status == 200 and b"VALID" in page, "the page of the pass:", status)
    return "a gate pass whose code opens the page"


def question(running: StackClient) -> str:
    said, outcome = says(running, mother(running), "What does the school uniform look like?")
    states = [state["name"] for state in (outcome.execution or {}).get("timeline", [])]
    check("AI reply" in states, "the model was not asked:", states)
    return f"an answer of the model ({len(said)} characters)"


def payment(running: StackClient) -> str:
    sample = running.world("GET", "/sample")
    student = _student_of(sample, mother(running))
    running.world("POST", "/inbound", {"from": mother(running)})
    notice = book_payment(running, student, "5")
    found = running.world("GET", "/outbox", timeout=SECONDS + 10, wait=SECONDS, in_reply_to=notice)
    check(bool(found), "no receipt for the payment")
    return "a receipt for a payment"


def _student_of(sample: list[dict[str, Any]], phone: str) -> str:
    return next(str(parent["children"][0]["id"]) for parent in sample if parent["number_on_record"] == phone)


@dataclass
class Crowd:
    """Parents who go on writing while something is deployed: each writes when the one before has an answer."""

    running: StackClient
    offset: int = 0  # of its numbers: another crowd has others
    sent: dict[str, str] = field(default_factory=dict)  # message id -> who wrote it
    refused: list[int] = field(default_factory=list)
    _stopping: threading.Event = field(default_factory=threading.Event)
    _numbers: Iterator[int] = field(default_factory=count)

    def __enter__(self) -> "Crowd":
        self._threads = [threading.Thread(target=self._write, daemon=True) for _ in range(AT_ONCE)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        for thread in self._threads:
            thread.join()

    def _write(self) -> None:
        while not self._stopping.is_set():
            phone = f"+{FIRST_OF_CROWD + self.offset + next(self._numbers)}"
            id = new_message_id()
            raw = encode(Parent(phone).webhook_body(text("hi"), id))
            self.running.world("POST", "/inbound", {"from": phone})
            status, _ = post_webhook(self.running, raw)
            if status == 200:
                self.sent[id] = phone
                self._answers(id, wait=SECONDS)
            else:
                self.refused.append(status)  # WhatsApp would send it again

    def check(self) -> str:
        """Every message has exactly one answer."""
        answers = {id: len(self._answers(id)) for id in self.sent}
        missing = [id for id, number in answers.items() if not number]
        doubled = [id for id, number in answers.items() if number > 1]
        check(not missing, f"{len(missing)} of {len(self.sent)} messages were lost:", *missing[:3])
        check(not doubled, f"{len(doubled)} messages were answered twice:", *doubled[:3])
        check(not self.refused, f"{len(self.refused)} webhooks were refused:", *set(self.refused))
        check(bool(self.sent), "no message was under way")
        return f"{len(self.sent)} messages meanwhile: none lost, none doubled"

    def _answers(self, id: str, wait: float = 0) -> list[Any]:
        query = {"in_reply_to": id, "to": self.sent[id].lstrip("+"), "wait": wait}
        return list(self.running.world("GET", "/outbox", timeout=wait + 10, **query))
