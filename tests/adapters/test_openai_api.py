"""One call to the model: bounded whatever the server does, tried again only where that may help."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from functions.adapters import observability, openai_api
from functions.adapters.openai_api import LanguageModel, ModelOutput
from functions.adapters.school_config import load
from functions.domain import model_contract
from functions.domain.errors import AnswerUnavailable, InvalidModelReply
from tests.adapters.scripted_server import Script, scripted

SCHOOL = load(Path(__file__).parents[2] / "config")
FORMAT = model_contract.text_format(SCHOOL)
INSTRUCTIONS = model_contract.instructions(SCHOOL, date(2026, 11, 23))
KEY = "school/test/openai-api-key"


class Secrets:
    """The key of this test, and how often it was refused."""

    def __init__(self) -> None:
        self.expired: list[str] = []

    def get(self, name: str) -> str:
        return f"sk-{len(self.expired)}"

    def expire(self, name: str) -> None:
        self.expired.append(name)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    found: dict[str, float] = {}
    monkeypatch.setattr(observability, "count", lambda name, value=1: found.update({name: found.get(name, 0) + value}))
    return found


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def response(text: str = '{"language": "en"}', **values: Any) -> str:
    content = values.pop("content", [{"type": "output_text", "text": text, "annotations": []}])
    body = {
        "id": "resp_1", "object": "response", "created_at": 1, "model": "m", "status": "completed", "tools": [],
        "tool_choice": "auto", "parallel_tool_calls": True,
        "output": [{"id": "msg_1", "type": "message", "role": "assistant", "status": "completed", "content": content}],
        "usage": {
            "input_tokens": 2000, "input_tokens_details": {"cached_tokens": 1792}, "output_tokens": 20,
            "output_tokens_details": {"reasoning_tokens": 0}, "total_tokens": 2020,
        },
    }  # fmt: skip
    return json.dumps(body | values)


def error(code: str | None, kind: str = "requests") -> str:
    return json.dumps({"error": {"message": "no", "type": kind, "param": None, "code": code}})


def model(url: str, secrets: Secrets | None = None) -> LanguageModel:
    return LanguageModel(secrets or Secrets(), f"{url}/v1", KEY, "gpt-test")  # type: ignore[arg-type]


def understand(script: Script, secrets: Secrets | None = None, **options: Any) -> ModelOutput:
    return model(script.url, secrets).understand(INSTRUCTIONS, "hello", FORMAT, **options)


# --- what is asked ----------------------------------------------------------------------------------------------------


def test_one_call_asks_for_a_strict_reply_and_stores_nothing() -> None:
    with scripted((200, response())) as script:
        understand(script)
    (request,) = script.requests
    body = json.loads(request["body"])
    assert request["path"] == "/v1/responses"
    assert body["text"] == FORMAT
    assert body["store"] is False
    assert body["prompt_cache_key"] == openai_api.CACHE_KEY
    assert body["instructions"] == INSTRUCTIONS
    assert body["max_output_tokens"] == openai_api.MOST_TOKENS


def test_cached_tokens_of_the_prompt_are_counted(counted: dict[str, float]) -> None:
    with scripted((200, response("{}"))) as script:
        assert understand(script) == ModelOutput("{}", 2000, 1792)
    assert (counted["PromptTokens"], counted["CachedPromptTokens"]) == (2000, 1792)


def test_a_provider_that_counts_nothing_is_read_all_the_same() -> None:
    with scripted((200, response("{}", usage=None))) as script:
        assert understand(script) == ModelOutput("{}")


# --- odd answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (response(content=[{"type": "refusal", "refusal": "I can't help with that."}]), "refused"),
        (
            response(
                content=[
                    {"type": "output_text", "text": '{"a":', "annotations": []},
                    {"type": "refusal", "refusal": "No."},
                ]
            ),
            "refused",
        ),
        (
            response(status="incomplete", incomplete_details={"reason": "max_output_tokens"}),
            "response incomplete: max_output_tokens",
        ),
        (
            response(status="incomplete", incomplete_details={"reason": "content_filter"}),
            "response incomplete: content_filter",
        ),
        (response(status="failed", output=[]), "response failed: no reason given"),
        (response(output=[]), "empty"),
        (response(" \n"), "empty"),
        (
            response(output=[{"id": "rs_1", "type": "reasoning", "summary": []}]),
            "empty",
        ),
    ],
    ids=[
        "refusal",
        "refusal after text",
        "incomplete",
        "content filter",
        "failed",
        "no output",
        "blank",
        "reasoning only",
    ],
)
def test_an_odd_answer_is_no_reply(body: str, reason: str) -> None:
    with scripted((200, body)) as script, pytest.raises(InvalidModelReply) as caught:
        understand(script)
    assert caught.value.reason == reason
    assert len(script.requests) == 1  # another try would cost a parent's time and say the same


@pytest.mark.parametrize("body", ["<html>Bad Gateway</html>", "[]", '{"status": "completed"}', '"completed"'])
def test_what_is_no_response_at_all(body: str) -> None:
    with scripted((200, body)) as script, pytest.raises(AnswerUnavailable):
        understand(script)


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [500, 503, 429])
def test_one_failure_is_tried_again(status: int) -> None:
    with scripted((status, error(None)), (200, response("{}"))) as script:
        assert understand(script).text == "{}"
    assert len(script.requests) == 2


def test_three_failures_are_two_tries() -> None:
    with scripted((503, error(None))) as script, pytest.raises(AnswerUnavailable):
        understand(script)
    assert len(script.requests) == openai_api.TRIES


@pytest.mark.parametrize(
    ("status", "code"), [(429, "insufficient_quota"), (400, None), (404, "model_not_found"), (403, None)]
)
def test_what_another_try_cannot_help_is_tried_once(counted: dict[str, float], status: int, code: str | None) -> None:
    with scripted((status, error(code)), (200, response())) as script, pytest.raises(AnswerUnavailable):
        understand(script)
    assert len(script.requests) == 1
    assert counted["OpenAiFailures"] == 1


def test_a_refused_key_is_fetched_anew() -> None:
    secrets = Secrets()
    with scripted((401, error("invalid_api_key")), (200, response("{}"))) as script:
        understand(script, secrets)
    assert secrets.expired == [KEY]
    assert [request["authorization"] for request in script.requests] == ["Bearer sk-0", "Bearer sk-1"]


def test_no_wait_longer_than_what_is_left(pauses: list[float]) -> None:
    with retrying("120") as server, pytest.raises(AnswerUnavailable):
        model(server.url).understand(INSTRUCTIONS, "hello", FORMAT)
    assert (server.asked, pauses) == (1, [])


def test_a_short_wait_is_kept(pauses: list[float]) -> None:
    with retrying("2") as server:
        assert model(server.url).understand(INSTRUCTIONS, "hello", FORMAT).text == "{}"
    assert (server.asked, pauses) == (2, [2.0])


def test_a_date_is_not_waited_for(pauses: list[float]) -> None:
    with retrying("Wed, 25 Nov 2026 10:00:00 GMT") as server:
        assert model(server.url).understand(INSTRUCTIONS, "hello", FORMAT).text == "{}"
    assert (server.asked, pauses) == (2, [])


# --- servers that do not come to an end -------------------------------------------------------------------------------


class RawServer:
    """Answers each connection with what `write` does; `stop` ends it."""

    def __init__(self) -> None:
        self.asked = 0
        self.stopped = threading.Event()
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        self._threads: list[threading.Thread] = []

    def serve(self, write: Any) -> None:
        def accept() -> None:
            with suppress(OSError):
                while True:
                    client, _ = self._listening.accept()
                    thread = threading.Thread(target=self._answer, args=(client, write))
                    thread.start()
                    self._threads.append(thread)

        self._threads.append(threading.Thread(target=accept))
        self._threads[0].start()

    def _answer(self, client: socket.socket, write: Any) -> None:
        with client, suppress(OSError):
            while _read_request(client):
                self.asked += 1
                write(client, self.asked)

    def stop(self) -> None:
        self.stopped.set()
        with suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()


def _read_request(client: socket.socket) -> bool:
    data = b""
    while b"\r\n\r\n" not in data:
        if not (more := client.recv(65536)):
            return False
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    length = next(
        int(line.split(b":")[1]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")
    )
    while len(body) < length:
        body += client.recv(65536)
    return True


@contextmanager
def serving(write: Any) -> Iterator[RawServer]:
    server = RawServer()
    server.serve(lambda client, asked: write(server, client, asked))
    try:
        yield server
    finally:
        server.stop()


@contextmanager
def retrying(retry_after: str) -> Iterator[RawServer]:
    """429 with that header once, then an answer."""

    def write(server: RawServer, client: socket.socket, asked: int) -> None:
        status, body = (
            ("429 Too Many Requests", error("rate_limit_exceeded")) if asked == 1 else ("200 OK", response("{}"))
        )
        header = f"Retry-After: {retry_after}\r\n" if asked == 1 else ""
        client.sendall(f"HTTP/1.1 {status}\r\n{header}Content-Length: {len(body)}\r\n\r\n{body}".encode())

    with serving(write) as server:
        yield server


def silent(server: RawServer, client: socket.socket, asked: int) -> None:
    server.stopped.wait(60)


def dripping_body(server: RawServer, client: socket.socket, asked: int) -> None:
    """A byte each fifth of a second: no single read takes long."""
    client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not server.stopped.wait(0.2):
        client.sendall(b" ")


def dripping_headers(server: RawServer, client: socket.socket, asked: int) -> None:
    client.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not server.stopped.wait(0.2):
        client.sendall(b"x")


@pytest.mark.parametrize("write", [silent, dripping_body, dripping_headers])
def test_a_call_ends_whatever_the_server_does(write: Any, counted: dict[str, float]) -> None:
    with serving(write) as server:
        with pytest.raises(AnswerUnavailable):
            model(server.url).understand(INSTRUCTIONS, "hello", FORMAT, budget=1.5)
        assert not server.stopped.is_set()  # it is still writing
    assert counted["OpenAiFailures"] == 1


def test_a_silent_server_is_tried_once_more_only_while_time_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openai_api, "TIMEOUT", 0.5)
    with serving(silent) as server, pytest.raises(AnswerUnavailable):
        model(server.url).understand(INSTRUCTIONS, "hello", FORMAT, budget=20)
    assert server.asked == 2
    monkeypatch.setattr(openai_api, "TIMEOUT", 8.0)
    with serving(silent) as server, pytest.raises(AnswerUnavailable):
        model(server.url).understand(INSTRUCTIONS, "hello", FORMAT, budget=1)
    assert server.asked == 1


def test_after_a_call_that_was_abandoned_the_next_one_works() -> None:
    def first_silent(server: RawServer, client: socket.socket, asked: int) -> None:
        if server.asked == 1:
            silent(server, client, asked)
        else:
            body = response("{}")
            client.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {len(body)}\r\n\r\n{body}".encode())

    with serving(first_silent) as server:
        asking = model(server.url)
        with pytest.raises(AnswerUnavailable):
            asking.understand(INSTRUCTIONS, "hello", FORMAT, budget=1)
        assert asking.understand(INSTRUCTIONS, "hello", FORMAT).text == "{}"


def test_all_tries_end_within_the_functions_time() -> None:
    from infra.catalog import function

    assert function("ai_reply").timeout - 5 > openai_api.BUDGET
    assert openai_api.TIMEOUT < openai_api.BUDGET
