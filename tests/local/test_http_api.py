"""The HTTP API on one machine, against what API Gateway documents of payload format 2.0."""

import asyncio
import base64
import http.client
import json
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from infra.catalog import ROUTES
from local.http_api import LARGEST_BODY, http_api
from local.lambda_service.invocation import Result, TooManyRequests
from local.world.http_server import listen

Answer = tuple[int, dict[str, str], bytes]


class Api:
    """The HTTP API before one function that a test scripts."""

    def __init__(self) -> None:
        self.port = 0
        self.calls: list[tuple[str, dict[str, Any]]] = []
        self.answer: Any = {"statusCode": 200}

    @property
    def event(self) -> dict[str, Any]:
        return self.calls[-1][1]

    async def invoke(self, name: str, payload: bytes) -> Result:
        self.calls.append((name, json.loads(payload)))
        if isinstance(self.answer, Exception):
            raise self.answer
        if isinstance(self.answer, float):
            await asyncio.sleep(self.answer)
        if isinstance(self.answer, Result):
            return self.answer
        return Result(json.dumps(self.answer).encode())

    def request(self, method: str, target: str, body: bytes | None = None, **headers: str) -> Answer:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, target, body, headers)
            response = connection.getresponse()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return response.status, answered, response.read()
        finally:
            connection.close()


@pytest.fixture
def api() -> Iterator[Api]:
    api = Api()
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        server = await listen(http_api(api.invoke, ROUTES, integration_seconds=0.2), 0)
        api.port = server.sockets[0].getsockname()[1]
        started.set_result((asyncio.get_running_loop(), stop))
        await stop.wait()
        server.close()

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    loop, stop = started.result(10)
    yield api
    loop.call_soon_threadsafe(stop.set)
    thread.join()


def test_a_webhook_body_arrives_byte_for_byte(api: Api) -> None:
    """The signature is over the bytes: escapes, slashes and spaces stay as they were."""
    body = b'{"entry": [ {"text":"caf\\u00e9 \\/ 100%"}]}'
    status, _, _ = api.request(
        "POST", "/webhook", body, **{"Content-Type": "application/json", "X-Hub-Signature-256": "sha256=ab"}
    )
    assert status == 200
    name, event = api.calls[-1]
    assert name == "webhook"
    assert event["version"] == "2.0"
    assert event["routeKey"] == "POST /webhook"
    assert (event["rawPath"], event["rawQueryString"]) == ("/webhook", "")
    assert event["headers"]["x-hub-signature-256"] == "sha256=ab"
    assert (event["body"].encode(), event["isBase64Encoded"]) == (body, False)
    context = event["requestContext"]
    assert context["http"] | {"userAgent": ""} == {
        "method": "POST",
        "path": "/webhook",
        "protocol": "HTTP/1.1",
        "sourceIp": "127.0.0.1",
        "userAgent": "",
    }
    assert context["requestId"]
    assert isinstance(context["timeEpoch"], int)
    assert "queryStringParameters" not in event
    assert "pathParameters" not in event


def test_query_parameters_keep_their_dots_and_repeats(api: Api) -> None:
    api.request("GET", "/webhook?hub.mode=subscribe&hub.challenge=11%2058&tag=a&tag=b&empty=")
    assert api.event["rawQueryString"] == "hub.mode=subscribe&hub.challenge=11%2058&tag=a&tag=b&empty="
    assert api.event["queryStringParameters"] == {
        "hub.mode": "subscribe",
        "hub.challenge": "11 58",
        "tag": "a,b",
        "empty": "",
    }
    assert "body" not in api.event


def test_path_parameters_are_decoded(api: Api) -> None:
    api.request("GET", "/passes/a%2Fb%20c")
    name, event = api.calls[-1]
    assert (name, event["routeKey"]) == ("verify_pass", "GET /passes/{token}")
    assert event["pathParameters"] == {"token": "a/b c"}


def test_cookies_are_a_separate_list(api: Api) -> None:
    api.request("GET", "/webhook", Cookie="a=1; b=2")
    assert api.event["cookies"] == ["a=1", "b=2"]
    assert "cookie" not in api.event["headers"]


@pytest.mark.parametrize("content_type", ["application/octet-stream", "application/x-www-form-urlencoded", ""])
def test_binary_bodies_arrive_in_base64(api: Api, content_type: str) -> None:
    body = b'{"a": 1}'
    api.request("POST", "/webhook", body, **{"Content-Type": content_type})
    assert api.event["isBase64Encoded"] is True
    assert base64.b64decode(api.event["body"]) == body


def test_text_that_is_not_utf8_arrives_in_base64(api: Api) -> None:
    api.request("POST", "/webhook", b"\xff\xfe", **{"Content-Type": "application/json; charset=utf-8"})
    assert (api.event["isBase64Encoded"], base64.b64decode(api.event["body"])) == (True, b"\xff\xfe")


def test_the_answer_of_the_function_is_the_response(api: Api) -> None:
    api.answer = {
        "statusCode": 401,
        "headers": {"Content-Type": "text/html; charset=utf-8", "Cache-Control": "no-store", "X-Pass": 7},
        "body": "<p>ä</p>",
    }
    status, headers, body = api.request("GET", "/passes/x")
    assert (status, body.decode()) == (401, "<p>ä</p>")
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert (headers["cache-control"], headers["x-pass"]) == ("no-store", "7")


def test_an_answer_in_base64_is_decoded(api: Api) -> None:
    api.answer = {"statusCode": 200, "body": base64.b64encode(b"\x89PNG").decode(), "isBase64Encoded": True}
    assert api.request("GET", "/webhook")[2] == b"\x89PNG"


def test_an_answer_without_a_status_is_sent_as_json(api: Api) -> None:
    api.answer = {"hello": "there"}
    status, headers, body = api.request("GET", "/webhook")
    assert (status, headers["content-type"], json.loads(body)) == (200, "application/json", {"hello": "there"})


@pytest.mark.parametrize(
    ("answer", "status", "message"),
    [
        (Result(b'{"errorMessage": "secret detail"}', failed=True), 500, "Internal Server Error"),
        ({"statusCode": "many"}, 500, "Internal Server Error"),
        ({"statusCode": 200, "body": 5}, 500, "Internal Server Error"),
        (1.0, 503, "Service Unavailable"),  # slower than an integration may be
        (TooManyRequests(), 503, "Service Unavailable"),
    ],
)
def test_a_failed_function_is_an_error_of_api_gateway(api: Api, answer: Any, status: int, message: str) -> None:
    api.answer = answer
    given, _, body = api.request("GET", "/webhook")
    assert (given, json.loads(body)) == (status, {"message": message})


@pytest.mark.parametrize(
    ("method", "path"), [("PUT", "/webhook"), ("GET", "/"), ("GET", "/passes/a/b"), ("GET", "/passes/")]
)
def test_an_unknown_route_is_not_found(api: Api, method: str, path: str) -> None:
    status, _, body = api.request(method, path)
    assert (status, json.loads(body), api.calls) == (404, {"message": "Not Found"}, [])


def test_a_body_over_ten_megabytes_is_refused(api: Api) -> None:
    assert api.request("POST", "/webhook", b"x" * LARGEST_BODY)[0] == 200
    assert api.request("POST", "/webhook", b"x" * (LARGEST_BODY + 1))[0] == 413
    assert len(api.calls) == 1


def test_a_connection_is_kept_open_between_requests(api: Api) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", api.port, timeout=10)
    for _ in range(3):
        connection.request("GET", "/webhook")
        response = connection.getresponse()
        response.read()
        assert not response.will_close
    connection.close()
