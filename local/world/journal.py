"""The lists of calls to services and of messages that WhatsApp accepted."""

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any, Final

from local.event_log import EventLog

CALLS_KEPT: Final = 100_000
MESSAGES_KEPT: Final = 20_000
LONGEST_DELAY_OF_A_REPORT: Final = 60.0  # seconds by which a call that another part reports may be out of order


@dataclass(frozen=True)
class Call:
    """One call to a service; times in Unix seconds."""

    service: str
    operation: str
    start: float
    end: float
    status: int  # HTTP status; 0: no response was sent
    detail: str = ""  # a student and term, a message id


@dataclass(frozen=True)
class Message:
    """One message as WhatsApp accepted it."""

    id: str  # wamid
    time: float  # Unix seconds
    to: str | None  # E.164; None: addressed by user id
    user_id: str | None
    body: dict[str, Any]  # as sent
    document: dict[str, Any] | None = None  # filename, mime_type, bytes, link to the file as it was sent
    opaque: str | None = None  # biz_opaque_callback_data

    def answers(self, message_id: str) -> bool | None:
        """Whether this is the reply to that message; None if the message does not say what it replies to."""
        quoted = (self.body.get("context") or {}).get("message_id")
        if not quoted and not self.opaque:
            return None
        return quoted == message_id or message_id in (self.opaque or "")


@dataclass
class Journal:
    """Both lists; to be used from the event loop only."""

    calls: deque[Call] = field(default_factory=lambda: deque(maxlen=CALLS_KEPT))
    outbox: deque[Message] = field(default_factory=lambda: deque(maxlen=MESSAGES_KEPT))
    events: EventLog = field(default_factory=EventLog)
    _waiting: list[asyncio.Event] = field(default_factory=list)

    def record_call(self, call: Call) -> None:
        self.calls.append(call)
        self.events.publish("call", asdict(call))

    def record(self, message: Message) -> None:
        self.outbox.append(message)
        self.events.publish("message", asdict(message))
        for event in self._waiting:
            event.set()

    def calls_between(self, after: float, before: float) -> list[dict[str, Any]]:
        """The calls that ended after one moment and began before another, in the order in which they ended."""
        found: deque[Call] = deque()
        for call in reversed(self.calls):
            if call.end <= after - LONGEST_DELAY_OF_A_REPORT:
                break
            if call.end > after and call.start < before:
                found.appendleft(call)
        return [{**asdict(call), "start": round(call.start, 4), "end": round(call.end, 4)} for call in found]

    async def messages(
        self, *, to: str | None = None, after: float = 0.0, in_reply_to: str | None = None, wait: float = 0.0
    ) -> list[Message]:
        """The messages that match, in order; waits up to `wait` seconds for the first.

        A reply is known by what its sender quotes; when it quotes nothing, by recipient and time.
        """

        def matches(message: Message) -> bool:
            if message.time <= after or (to and to not in (_digits(message.to), message.user_id)):
                return False
            if not in_reply_to:
                return True
            answers = message.answers(in_reply_to)
            return answers if answers is not None else bool(to)

        return await self._find(matches, wait)

    async def _find(self, matches: Callable[[Message], bool], wait: float) -> list[Message]:
        deadline = asyncio.get_running_loop().time() + wait
        arrived = asyncio.Event()
        self._waiting.append(arrived)
        try:
            while True:
                found = [message for message in self.outbox if matches(message)]
                left = deadline - asyncio.get_running_loop().time()
                if found or left <= 0:
                    return found
                arrived.clear()
                try:
                    await asyncio.wait_for(arrived.wait(), left)
                except TimeoutError:
                    continue
        finally:
            self._waiting.remove(arrived)


def _digits(phone: str | None) -> str:
    return (phone or "").lstrip("+")
