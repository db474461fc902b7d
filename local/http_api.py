"""API Gateway's HTTP API on one machine: the routes of the catalog, in payload format 2.0.

Limits and error messages are API Gateway's own: 10 MB for a body, 29 s for an answer.
"""

import asyncio
import base64
import json
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from typing import Any, Final, Protocol
from urllib.parse import parse_qsl, unquote

from infra.catalog import ROUTES, Authorization, Route
from local.iam_authorization import is_signed
from local.plan import ACCESS_KEY, ACCOUNT, REGION, SECRET_KEY
from local.world.http_server import Forward, Handler, Request, Response

LARGEST_BODY: Final = 10 * 1024 * 1024
INTEGRATION_SECONDS: Final = 29.0
TEXT: Final = re.compile(r"text/.*|application/(json|javascript|xml)|.*\+(json|xml)", re.IGNORECASE)
API_ID: Final = "local"
DOMAIN: Final = "127.0.0.1"
HEADERS_OF_THE_SERVER: Final = frozenset({"content-type", "content-length", "connection", "transfer-encoding"})


class Result(Protocol):
    """A function's answer; if `failed`, the payload is an error object."""

    @property
    def payload(self) -> bytes: ...

    @property
    def failed(self) -> bool: ...


Invoke = Callable[[str, bytes], Awaitable[Result]]


def http_api(
    invoke: Invoke,
    routes: Iterable[Route] = ROUTES,
    integration_seconds: float = INTEGRATION_SECONDS,
    console_port: int | None = None,
) -> Handler:
    """A handler that passes each request to the function of its route; `/` and `/console` to the web console."""
    patterns = [(route, _pattern(route.path)) for route in routes]

    async def handle(request: Request) -> Response:
        raw_path, _, raw_query = request.target.partition("?")
        if console_port and (raw_path == "/" or raw_path.split("/")[1] == "console"):
            raise Forward(console_port)
        for route, pattern in patterns:
            match = pattern.fullmatch(raw_path) if route.method == request.method else None
            if match:
                break
        else:
            return _message(404, "Not Found")
        if route.authorization is Authorization.IAM and not is_signed(request, ACCESS_KEY, SECRET_KEY, REGION):
            return _message(403, "Forbidden")
        if len(request.body) > LARGEST_BODY:
            return _message(413, "Request Entity Too Large")
        parameters = {name: unquote(value) for name, value in match.groupdict().items()}
        event = _event(request, route, raw_path, raw_query, parameters)
        try:
            result = await asyncio.wait_for(invoke(route.function, json.dumps(event).encode()), integration_seconds)
        except TimeoutError:
            return _message(503, "Service Unavailable")
        except Exception:  # the function is at its concurrency limit
            return _message(503, "Service Unavailable")
        return _message(500, "Internal Server Error") if result.failed else _response(result.payload)

    return handle


def _pattern(path: str) -> re.Pattern[str]:
    """`/passes/{token}` becomes a pattern with a group for each parameter."""
    parts = re.split(r"\{(\w+)\}", path)
    return re.compile("".join(re.escape(part) if n % 2 == 0 else f"(?P<{part}>[^/]+)" for n, part in enumerate(parts)))


def _event(request: Request, route: Route, raw_path: str, raw_query: str, parameters: dict[str, str]) -> dict[str, Any]:
    """The request as the function receives it."""
    now = time.time()
    headers = {name: value for name, value in request.headers.items() if name != "cookie"}
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": f"{route.method} {route.path}",
        "rawPath": unquote(raw_path),
        "rawQueryString": raw_query,
        "headers": headers,
        "requestContext": {
            "accountId": ACCOUNT,
            "apiId": API_ID,
            "domainName": DOMAIN,
            "domainPrefix": API_ID,
            "http": {
                "method": request.method,
                "path": unquote(raw_path),
                "protocol": "HTTP/1.1",
                "sourceIp": "127.0.0.1",
                "userAgent": headers.get("user-agent", ""),
            },
            "requestId": str(uuid.uuid4()),
            "routeKey": f"{route.method} {route.path}",
            "stage": "$default",
            "time": datetime.fromtimestamp(now, UTC).strftime("%d/%b/%Y:%H:%M:%S %z"),
            "timeEpoch": round(now * 1000),
        },
        "isBase64Encoded": False,
    }
    if "cookie" in request.headers:
        event["cookies"] = [part.strip() for part in request.headers["cookie"].split(";")]
    if raw_query:
        query: dict[str, str] = {}
        for name, value in parse_qsl(raw_query, keep_blank_values=True):
            query[name] = f"{query[name]},{value}" if name in query else value
        event["queryStringParameters"] = query
    if parameters:
        event["pathParameters"] = parameters
    if request.body:
        event["body"], event["isBase64Encoded"] = _body(request)
    return event


def _body(request: Request) -> tuple[str, bool]:
    """As text if its content type is a text type, else in base64."""
    if TEXT.fullmatch(request.headers.get("content-type", "").partition(";")[0].strip()):
        try:
            return request.body.decode(), False
        except UnicodeDecodeError:
            pass
    return base64.b64encode(request.body).decode(), True


def _response(payload: bytes) -> Response:
    """From `{statusCode, headers, body, isBase64Encoded}`; any other JSON becomes the body of a 200."""
    answer = json.loads(payload or b"null")
    if not isinstance(answer, dict) or "statusCode" not in answer:
        return Response(200, payload)
    try:
        text = answer.get("body") or ""
        body = base64.b64decode(text) if answer.get("isBase64Encoded") else text.encode()
        given = {str(name).lower(): str(value) for name, value in (answer.get("headers") or {}).items()}
        content_type = given.get("content-type", "text/plain;charset=UTF-8")
        headers = {name: value for name, value in given.items() if name not in HEADERS_OF_THE_SERVER}
        return Response(int(answer["statusCode"]), body, content_type, headers)
    except (TypeError, ValueError, AttributeError):
        return _message(500, "Internal Server Error")  # not the expected form


def _message(status: int, text: str) -> Response:
    return Response.of({"message": text}, status)
