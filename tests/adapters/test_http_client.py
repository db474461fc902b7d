"""Kept connections: used while they are surely alive, and not after a pause in which they may have died."""

from collections.abc import Iterator
from types import SimpleNamespace

import pytest
import requests

from functions.adapters import http_client
from functions.adapters.http_client import IDLE
from tests.adapters.scripted_server import Script, scripted


@pytest.fixture
def clock(environment: pytest.MonkeyPatch) -> SimpleNamespace:
    """The time by which pauses are measured: `clock.now` sets it."""
    found = SimpleNamespace(now=1_795_420_800.0)
    environment.setattr(http_client, "time", SimpleNamespace(time=lambda: found.now))
    return found


@pytest.fixture
def session(clock: SimpleNamespace) -> Iterator[requests.Session]:
    """One of its own, as a new process has it."""
    with http_client.session.__wrapped__() as made:
        yield made


def connections(server: Script) -> int:
    """Over how many connections its requests came."""
    return len({asked["client_port"] for asked in server.requests})


def test_one_connection_is_enough_while_it_is_used(session: requests.Session, clock: SimpleNamespace) -> None:
    with scripted((200, "{}")) as server:
        for _ in range(4):
            session.post(server.url, timeout=5)
            clock.now += IDLE
        assert connections(server) == 1


@pytest.mark.parametrize("pause", [IDLE + 1, 3600, -5])  # a clock that was put right tells nothing
def test_connection_is_made_anew_after_a_pause(session: requests.Session, clock: SimpleNamespace, pause: float) -> None:
    with scripted((200, "{}")) as server:
        session.post(server.url, timeout=5)
        clock.now += pause
        session.post(server.url, timeout=5)
        session.post(server.url, timeout=5)
        assert connections(server) == 2


def test_pause_is_measured_for_each_host(session: requests.Session, clock: SimpleNamespace) -> None:
    with scripted((200, "{}")) as busy, scripted((200, "{}")) as quiet:
        session.post(quiet.url, timeout=5)
        for _ in range(3):
            session.post(busy.url, timeout=5)
            clock.now += IDLE - 1
        session.post(quiet.url, timeout=5)
        session.post(busy.url, timeout=5)
        assert (connections(quiet), connections(busy)) == (2, 1)
