"""The latest events of a process, for pages that are told what happens (server-sent events) instead of asking.

Memory is bounded: the oldest events are dropped, and a reader that comes too late is told so.
"""

import json
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

KEPT: Final = 2000
HEARTBEAT_SECONDS: Final = 10.0  # of silence, after which a comment is sent: how both sides notice a lost connection
CONTENT_TYPE: Final = "text/event-stream; charset=utf-8"
HEARTBEAT: Final = b": still here\n\n"


@dataclass(frozen=True)
class Event:
    """Something that happened; `data` is JSON."""

    number: int
    kind: str
    data: str

    def encode(self, prefix: str = "") -> bytes:
        """In the form of the event stream; `prefix` goes before the number in its id."""
        return f"id: {prefix}{self.number}\nevent: {self.kind}\ndata: {self.data}\n\n".encode()


class Found(NamedTuple):
    """Events after a number; `missed`: some of them had been dropped already."""

    events: list[Event]
    missed: bool


class EventLog:
    """A ring of events, safe to share between threads."""

    def __init__(self, kept: int = KEPT) -> None:
        self._events: deque[Event] = deque(maxlen=kept)
        self._changed = threading.Condition()
        self._listeners: set[Callable[[], object]] = set()
        self.latest = 0

    def publish(self, kind: str, value: Any) -> None:
        """Add an event; its number is one higher than that of the last."""
        data = json.dumps(value, ensure_ascii=False, default=str)
        with self._changed:
            self.latest += 1
            self._events.append(Event(self.latest, kind, data))
            self._changed.notify_all()
            listeners = tuple(self._listeners)
        for listener in listeners:
            listener()

    def after(self, number: int) -> Found:
        """The events after that number, without waiting."""
        with self._changed:
            if number >= self.latest:
                return Found([], False)
            events = [event for event in self._events if event.number > number]
            return Found(events, not events or events[0].number > number + 1)

    def wait(self, number: int, seconds: float) -> Found:
        """The events after that number, as soon as there is one."""
        with self._changed:
            self._changed.wait_for(lambda: self.latest > number, seconds)
        return self.after(number)

    @contextmanager
    def listening(self, listener: Callable[[], object]) -> Iterator[None]:
        """Call `listener`, which must not wait, after each event, in the thread that published it."""
        with self._changed:
            self._listeners.add(listener)
        try:
            yield
        finally:
            with self._changed:
                self._listeners.discard(listener)

    def stream(self, number: int | None = None) -> Iterator[bytes]:
        """The event stream after that number (None: from now on), without end; for servers with threads."""
        last = self.latest if number is None else number
        yield HEARTBEAT  # so that the reader knows that it is connected
        while True:
            found = self.wait(last, HEARTBEAT_SECONDS)
            if found.events:
                last = found.events[-1].number
                yield b"".join(event.encode() for event in found.events)
            else:
                yield HEARTBEAT
