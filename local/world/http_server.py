"""A small HTTP/1.1 server on asyncio, for hundreds of slow requests in parallel; half a millisecond of overhead each.

Werkzeug's server would need a thread for each of them, and no handler of it can close a connection unanswered.
"""

import asyncio
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field
from functools import cached_property
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

LARGEST_BODY: Final = 110 * 1024 * 1024  # WhatsApp takes documents of 100 MB


class Silence(Exception):
    """Send no response and keep the connection open until the client gives up."""


class Hangup(Exception):
    """Close the connection without a response."""


class Forward(Exception):
    """Let the server at another loopback port answer this request."""

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self.port = port


@dataclass(frozen=True)
class Request:
    """One request with its whole body."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]  # names in lower case
    body: bytes = field(repr=False)
    target: str = ""  # path and query as sent

    @cached_property
    def json(self) -> Any:
        """The body as JSON; ValueError if it is not JSON."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Response:
    """One response."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    stream: AsyncIterator[bytes] | None = None  # instead of a body: parts as they come, until the client leaves

    @classmethod
    def of(cls, value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> "Response":
        """As JSON."""
        return cls(status, json.dumps(value).encode(), headers=headers or {})

    @classmethod
    def html(cls, text: str, status: int = 200) -> "Response":
        return cls(status, text.encode(), "text/html; charset=utf-8")


Handler = Callable[[Request], Awaitable[Response]]


async def listen(handler: Handler, port: int, *, tls: ssl.SSLContext | None = None) -> asyncio.Server:
    """Serve on the loopback interface; port 0 takes a free one."""

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while request := await _read(reader):
                try:
                    response = await handler(request)
                except Silence:
                    await reader.read()
                    return
                except Hangup:
                    return
                except Forward as other:
                    await _forward(request, other.port, writer)
                    return
                if response.stream:
                    await _send_stream(response, response.stream, writer)
                    return
                keep = request.headers.get("connection", "").lower() != "close"
                writer.write(_head(response, keep=keep) + (b"" if request.method == "HEAD" else response.body))
                await writer.drain()
                if not keep:
                    return
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass  # the client closed the connection, or sent no HTTP
        except asyncio.CancelledError:
            pass  # the server stops; Python 3.11 would report it as an error
        finally:
            writer.close()

    return await asyncio.start_server(connected, "127.0.0.1", port, limit=64 * 1024, backlog=1024, ssl=tls)


async def _send_stream(response: Response, parts: AsyncIterator[bytes], writer: asyncio.StreamWriter) -> None:
    writer.write(_head(response, keep=False))
    async with aclosing(parts):  # type: ignore[type-var]  # a generator
        async for part in parts:
            writer.write(part)
            await writer.drain()


async def _forward(request: Request, port: int, writer: asyncio.StreamWriter) -> None:
    """Pass the request on, and the response back as it comes; the connection serves no other request."""
    try:
        reader, other = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.write(_head(Response(503), keep=False))
        return
    try:
        headers = {**request.headers, "connection": "close", "content-length": str(len(request.body))}
        headers.pop("transfer-encoding", None)
        lines = [
            f"{request.method} {request.target} HTTP/1.1",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        other.write(("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + request.body)
        while part := await reader.read(64 * 1024):
            writer.write(part)
            await writer.drain()
    finally:
        other.close()


async def _read(reader: asyncio.StreamReader) -> Request | None:
    """The next request of a connection; None when the client has closed it."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError as error:
        if error.partial:
            raise
        return None
    first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
    method, target, _ = first.split(" ", 2)
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    if headers.get("transfer-encoding", "").lower() == "chunked":
        body = await _read_chunks(reader)
    else:
        length = int(headers.get("content-length", "0"))
        if not 0 <= length <= LARGEST_BODY:
            raise ValueError("body too large")
        body = await reader.readexactly(length)
    parts = urlsplit(target)
    query = dict(parse_qsl(parts.query, keep_blank_values=True))
    return Request(method, unquote(parts.path), query, headers, body, target)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    body = bytearray()
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        if len(body) + size > LARGEST_BODY:
            raise ValueError("body too large")
        body += await reader.readexactly(size)
        await reader.readexactly(2)
    while (await reader.readuntil(b"\r\n")) != b"\r\n":
        pass  # trailers
    return bytes(body)


def _head(response: Response, *, keep: bool) -> bytes:
    try:
        reason = HTTPStatus(response.status).phrase
    except ValueError:
        reason = "Unknown"
    headers = {
        "Content-Type": response.content_type,
        **({} if response.stream else {"Content-Length": str(len(response.body))}),
        "Connection": "keep-alive" if keep else "close",
        **response.headers,
    }
    lines = [f"HTTP/1.1 {response.status} {reason}", *(f"{name}: {value}" for name, value in headers.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
