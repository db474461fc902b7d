"""What a browser is told that was away for too long."""

import asyncio

from local.console.pages.events import _stream
from local.event_log import EventLog


def test_a_browser_that_missed_events_is_told_so_and_gets_those_that_are_left() -> None:
    feed = EventLog(kept=3)
    for number in range(1, 6):
        feed.publish("run", number)

    async def first(count: int) -> list[bytes]:
        stream = _stream(feed, 1, "boot-", {})
        return [await anext(stream) for _ in range(count)]

    hello, missed, rest = asyncio.run(first(3))
    assert b"event: hello" in hello
    assert missed == b"event: missed\ndata: {}\n\n"
    assert [line for line in rest.splitlines() if line.startswith(b"id: ")] == [
        b"id: boot-3",
        b"id: boot-4",
        b"id: boot-5",
    ]
