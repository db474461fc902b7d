"""What the console accepts: requests of its own pages on this machine, and nothing from elsewhere.

There is no login, so other web pages in the same browser must not reach it: by a name that resolves to 127.0.0.1
(DNS rebinding), or by a form that they send.
"""

from typing import Final
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

HOSTS: Final = frozenset({"127.0.0.1", "localhost"})
HEADERS: Final = {
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data:; object-src 'none'; base-uri 'none'; "
    "form-action 'self'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Cache-Control": "no-store",
}


class LocalOnly:
    """Middleware: refuses foreign hosts and origins, adds the security headers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if problem := refusal(scope["method"], headers):
            await PlainTextResponse(problem, 403)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                added = {name.lower().encode(): value.encode() for name, value in HEADERS.items()}
                message["headers"] = [
                    *message["headers"],
                    *((name, value) for name, value in added.items() if name not in given),
                ]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def refusal(method: str, headers: Headers) -> str | None:
    """Why a request is refused; None if it is accepted."""
    host = headers.get("host", "")
    if urlsplit(f"//{host}").hostname not in HOSTS:
        return "This console answers at http://127.0.0.1 and http://localhost only."
    if method in ("GET", "HEAD"):
        return None
    if headers.get("sec-fetch-site", "same-origin") != "same-origin":
        return "This request came from another web page."
    origin = headers.get("origin")
    if origin and urlsplit(origin).netloc != host:
        return "This request came from another web page."
    return None
