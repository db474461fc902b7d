"""What happens, for the browsers: server-sent events."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from local.console.state import ConsoleState
from local.event_log import CONTENT_TYPE, HEARTBEAT, HEARTBEAT_SECONDS, EventLog


class EventPages:
    def __init__(self, state: ConsoleState) -> None:
        self._state = state

    @property
    def routes(self) -> list[BaseRoute]:
        return [Route("/console/events", self.events)]

    async def events(self, request: Request) -> Response:
        """From now on, or since the event that the browser saw last."""
        state = self._state
        seen = request.headers.get("last-event-id") or request.query_params.get("after", "")
        boot, _, number = seen.rpartition("-")
        after = int(number) if boot == state.boot and number.isdecimal() else state.feed.latest
        stream = _stream(state.feed, after, f"{state.boot}-", {"boot": state.boot})
        return StreamingResponse(stream, media_type=CONTENT_TYPE)


async def _stream(feed: EventLog, after: int, prefix: str, hello: dict[str, Any]) -> AsyncIterator[bytes]:
    loop, changed = asyncio.get_running_loop(), asyncio.Event()
    with feed.listening(partial(_wake, loop, changed)):
        yield f"retry: 1000\nevent: hello\ndata: {json.dumps(hello)}\n\n".encode()
        while True:
            changed.clear()
            found = feed.after(after)
            if found.missed:  # the page fetches what it shows anew; what is still here comes after that
                yield b"event: missed\ndata: {}\n\n"
            if found.events:
                yield b"".join(event.encode(prefix) for event in found.events)
                after = found.events[-1].number
            try:
                await asyncio.wait_for(changed.wait(), HEARTBEAT_SECONDS)
            except TimeoutError:
                yield HEARTBEAT


def _wake(loop: asyncio.AbstractEventLoop, changed: asyncio.Event) -> None:
    with contextlib.suppress(RuntimeError):  # the loop is closed: the process ends
        loop.call_soon_threadsafe(changed.set)
