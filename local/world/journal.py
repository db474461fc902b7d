"""What happened: every call to a service, and every message that WhatsApp accepted for a user."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class Call:
    """One call to a service; times in Unix seconds."""

    service: str
    operation: str
    start: float
    end: float
    status: int  # HTTP status; 0: no answer was given
    detail: str = ""  # a student and term, a message id


@dataclass(frozen=True)
class Message:
    """One message as WhatsApp accepted it."""

    id: str  # wamid
    time: float  # Unix seconds
    to: str | None  # E.164; None: addressed by user id
    user_id: str | None
    body: dict[str, Any]  # as sent
    document: dict[str, Any] | None = None  # filename, mime_type, bytes, link to the file in the state it was sent
    opaque: str | None = None  # biz_opaque_callback_data

    def answers(self, message_id: str) -> bool | None:
        """Whether this is the reply to that message; None when the sender did not say what it replies to."""
        quoted = (self.body.get("context") or {}).get("message_id")
        if not quoted and not self.opaque:
            return None
        return quoted == message_id or message_id in (self.opaque or "")


@dataclass
class Journal:
    """Owner of both lists; used from the event loop only."""

    calls: list[Call] = field(default_factory=list)
    outbox: list[Message] = field(default_factory=list)
    _waiting: list[asyncio.Event] = field(default_factory=list)

    def record(self, message: Message) -> None:
        self.outbox.append(message)
        for event in self._waiting:
            event.set()

    def calls_after(self, moment: float) -> list[dict[str, Any]]:
        return [
            {**asdict(call), "start": round(call.start, 4), "end": round(call.end, 4)}
            for call in list(self.calls)
            if call.end > moment
        ]

    async def messages(
        self, *, to: str | None = None, after: float = 0.0, in_reply_to: str | None = None, wait: float = 0.0
    ) -> list[Message]:
        """Messages in order, narrowed; waits up to `wait` seconds for the first that fits.

        A reply is known by what its sender quotes; when it quotes nothing, by recipient and time.
        """

        def fits(message: Message) -> bool:
            if message.time <= after or (to and to not in (_digits(message.to), message.user_id)):
                return False
            if not in_reply_to:
                return True
            answers = message.answers(in_reply_to)
            return answers if answers is not None else bool(to)

        return await self._find(fits, wait)

    async def _find(self, fits: Callable[[Message], bool], wait: float) -> list[Message]:
        deadline = asyncio.get_running_loop().time() + wait
        news = asyncio.Event()
        self._waiting.append(news)
        try:
            while True:
                found = [message for message in self.outbox if fits(message)]
                left = deadline - asyncio.get_running_loop().time()
                if found or left <= 0:
                    return found
                news.clear()
                try:
                    await asyncio.wait_for(news.wait(), left)
                except TimeoutError:
                    continue
        finally:
            self._waiting.remove(news)


def _digits(phone: str | None) -> str:
    return (phone or "").lstrip("+")
