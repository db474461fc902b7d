"""The HTTP client between the parts of the stack."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor

import pytest

from local.http_client import request, send
from local.world.http_server import Hangup, Request, Response, Silence, listen


class Server:
    """Answers with what it was asked; `/silent` never does, `/close` closes the connection."""

    def __init__(self) -> None:
        self.url = ""
        self.requests: list[Request] = []

    async def handle(self, received: Request) -> Response:
        self.requests.append(received)
        if received.path == "/silent":
            raise Silence
        if received.path == "/close":
            raise Hangup
        if received.path == "/moved":
            return Response(302, headers={"Location": "/elsewhere"})
        return Response(200, received.body, headers={"X-Method": received.method})


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        listener = await listen(server.handle, 0)
        server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
        started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        listener.close()

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    loop, stop = started.result(10)
    yield server
    loop.call_soon_threadsafe(stop.set)
    thread.join()


def test_a_request_returns_status_and_body(server: Server) -> None:
    assert request("POST", f"{server.url}/a?b=1", b"\x00raw", {"X-Signature": "s"}) == (200, b"\x00raw")
    (received,) = server.requests
    assert (received.method, received.target, received.headers["x-signature"]) == ("POST", "/a?b=1", "s")


def test_json_is_encoded_and_decoded(server: Server) -> None:
    response = send("PUT", server.url, json={"name": "Zvakanaka 👍"})
    assert (response.json(), response.headers["x-method"]) == ({"name": "Zvakanaka 👍"}, "PUT")
    assert server.requests[0].headers["content-type"] == "application/json"


@pytest.mark.parametrize("path", ["/silent", "/close"])
def test_a_missing_answer_is_an_os_error_and_is_not_repeated(server: Server, path: str) -> None:
    with pytest.raises(OSError, match=f"POST {server.url}{path}"):
        request("POST", server.url + path, timeout=0.2)
    assert len(server.requests) == 1


@pytest.mark.enable_socket
def test_nobody_listening_is_an_os_error() -> None:
    with pytest.raises(OSError, match="NewConnectionError"):
        request("GET", "http://127.0.0.1:1/")


def test_a_redirect_is_not_followed(server: Server) -> None:
    assert request("GET", f"{server.url}/moved")[0] == 302
    assert [received.path for received in server.requests] == ["/moved"]


def test_threads_can_share_it(server: Server) -> None:
    with ThreadPoolExecutor(8) as threads:
        bodies = list(threads.map(lambda n: request("POST", server.url, str(n).encode())[1], range(200)))
    assert bodies == [str(number).encode() for number in range(200)]
