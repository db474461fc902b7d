"""Lost, doubled, needlessly apologised, out of order: judged by what WhatsApp accepted, not by the product."""

import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from bench.soak.traffic import Wish
from functions.domain.messages import REPEAT_AGE

# An answer that is none, or is less than it would be if nothing had failed.
APOLOGY: Final = re.compile(
    "Sorry, |I could not pass your message on|could not send the document|cannot be reached at the moment"
    "|If this is not what you asked, the office helps"
)
RECOVERY_SECONDS: Final = 6.0  # in which the product does not yet ask a primary again that did not respond


@dataclass
class Asked:
    """One message. Times are Unix seconds."""

    name: str
    sender: int
    wish: Wish
    begun: float = 0.0  # its first delivery began
    accepted: float | None = None  # a delivery was answered with 200
    written: float = 0.0  # as WhatsApp says


@dataclass(frozen=True)
class Reply:
    """One message that WhatsApp accepted from us."""

    answers: str  # the id of the message that it answers
    time: float
    words: str


@dataclass
class Verdict:
    """The names of the messages."""

    asked: int = 0
    answered: list[str] = field(default_factory=list)  # exactly once, with what was asked for
    together: list[str] = field(default_factory=list)  # it waited while the same sender was answered the same
    apologised: list[str] = field(default_factory=list)  # honestly: what was asked for could not be had
    needless: list[str] = field(default_factory=list)  # apologies where a second try would have answered
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    out_of_order: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)  # answered with something else

    @property
    def is_good(self) -> bool:
        return not (self.needless or self.lost or self.doubled or self.out_of_order or self.wrong)

    @property
    def bad(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.needless, *self.out_of_order, *self.wrong]


def judge(asked: Sequence[Asked], replies: Sequence[Reply], outages: Sequence[tuple[float, float]]) -> Verdict:
    """`outages`: when a part without which some wishes cannot be granted was down."""
    by_message: defaultdict[str, list[Reply]] = defaultdict(list)
    for reply in replies:
        by_message[reply.answers].append(reply)
    verdict = Verdict(asked=len(asked))
    for message in asked:
        same = [item.name for item in asked if (item.sender, _wanted(item)) == (message.sender, _wanted(message))]
        if not by_message[message.name] and any(
            reply.time - message.written > REPEAT_AGE for name in same for reply in by_message[name]
        ):
            verdict.together.append(message.name)
        else:
            _place(verdict, message, by_message[message.name], outages)
    others = by_message.keys() - {message.name for message in asked}  # receipts, notifications of the office
    verdict.doubled += sorted(name for name in others if len(by_message[name]) > 1)
    verdict.out_of_order = _out_of_order(asked, by_message)
    return verdict


def _wanted(message: Asked) -> str:
    return "hi" if message.wish.words == "START" else message.wish.words  # START opens the menu unless STOP came before


def _place(verdict: Verdict, message: Asked, replies: Sequence[Reply], outages: Sequence[tuple[float, float]]) -> None:
    if not replies:
        verdict.lost.append(message.name)
    elif len(replies) > 1:
        verdict.doubled.append(message.name)
    elif APOLOGY.search(replies[0].words):
        excused = any(begin <= replies[0].time and message.begun <= end + RECOVERY_SECONDS for begin, end in outages)
        (verdict.apologised if excused else verdict.needless).append(message.name)
    elif re.search(message.wish.answer, replies[0].words):
        verdict.answered.append(message.name)
    else:
        verdict.wrong.append(message.name)


def _out_of_order(asked: Sequence[Asked], replies: defaultdict[str, list[Reply]]) -> list[str]:
    """Messages that were answered before one of the same sender that had certainly come before them."""
    by_sender: defaultdict[int, list[Asked]] = defaultdict(list)
    for message in asked:
        by_sender[message.sender].append(message)
    return [
        later.name
        for messages in by_sender.values()
        for later in messages
        if any(
            earlier.accepted is not None
            and earlier.accepted < later.begun
            and replies[earlier.name]
            and replies[later.name]
            and replies[earlier.name][0].time > replies[later.name][0].time
            for earlier in messages
        )
    ]
