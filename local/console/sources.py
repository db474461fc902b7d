"""Follows the server-sent events of the simulated services and of the state machines."""

import json
import logging
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

import urllib3

from local.console.state import ConsoleState
from local.event_log import HEARTBEAT_SECONDS
from local.stack_client import NotRunning

log = logging.getLogger(__name__)

PAUSE_SECONDS: Final = 0.3  # before a lost connection is tried again

Handlers = Mapping[str, Callable[[Any], None]]


def start(state: ConsoleState) -> None:
    """Follow both, in threads, until the process ends."""
    world: Handlers = {
        "call": state.on_call,
        "message": state.on_message,
        "profile": state.on_world,
        "faults": state.on_world,
    }
    machines: Handlers = {"execution": state.on_execution, "state": state.on_state}
    followed = ((f"{state.plan.world_url}/events", world), (f"{state.plan.aws_url}/executions/events", machines))
    for url, handlers in followed:
        threading.Thread(target=_follow, args=(url, handlers), name=url, daemon=True).start()
    threading.Thread(target=_load, args=(state,), daemon=True).start()


def _load(state: ConsoleState) -> None:
    while True:
        try:
            state.load_people()
            return
        except NotRunning:
            time.sleep(PAUSE_SECONDS)


def _follow(url: str, handlers: Handlers) -> None:
    pool = urllib3.PoolManager(retries=False)
    while True:
        try:
            with pool.request("GET", url, preload_content=False, timeout=_timeout()) as response:
                for kind, value in events(_parts(response)):
                    if kind in handlers:
                        _handle(handlers[kind], value)
        except (urllib3.exceptions.HTTPError, OSError):
            pass  # it is not there yet, or no longer
        time.sleep(PAUSE_SECONDS)


def _parts(response: urllib3.BaseHTTPResponse) -> Iterator[bytes]:
    """What has arrived, without waiting for more."""
    while part := response.read1():
        yield part


def _timeout() -> urllib3.Timeout:
    return urllib3.Timeout(connect=2, read=3 * HEARTBEAT_SECONDS)


def _handle(handler: Callable[[Any], None], value: Any) -> None:
    """One event that cannot be understood must not end all others."""
    try:
        handler(value)
    except Exception:
        log.exception("an event was left out")


def events(parts: Iterator[bytes]) -> Iterator[tuple[str, Any]]:
    """(kind, value) of each event of a stream."""
    rest = b""
    for part in parts:
        *blocks, rest = (rest + part).split(b"\n\n")
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if ": " in line and line[0] != ":")
            if "data" in fields:
                yield fields.get("event", ""), json.loads(fields["data"])
