"""The names that functions call over TLS: AWS, the deployed HTTP API, and the simulated WhatsApp, OpenAI and school."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from local.http_client import send
from local.plan import REGION, Plan
from local.rehearsal.emulator import registry
from local.world.http_server import Request, Response, listen

AWS: Final = f"{REGION}.amazonaws.com"
DROPPED: Final = frozenset({"connection", "content-length", "transfer-encoding", "keep-alive"})

Handler = Callable[[Request], Awaitable[Response]]


class Internet:
    """One TLS port for every name; the Host header says which is meant."""

    def __init__(self, plan: Plan, http_api: Handler, services: dict[str, tuple[str, str]]) -> None:
        """`services`: host -> the path that the template gives it, and the URL of the simulated service."""
        self._plan, self._http_api, self._services = plan, http_api, services
        self.port = 0

    @property
    def names(self) -> list[str]:
        return [*self._services, f"*.{AWS}", f"*.execute-api.{AWS}", f"*.s3.{AWS}"]

    async def start(self, certificate: Path) -> asyncio.Server:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server = await listen(self._handle, 0, tls=context)
        self.port = server.sockets[0].getsockname()[1]
        return server

    async def _handle(self, request: Request) -> Response:
        host = request.headers.get("host", "").partition(":")[0]
        if host in self._services:
            path, url = self._services[host]
            return await self._pass_on(request, url + request.target.removeprefix(path))
        if host == registry.RESPONSES_HOST:
            registry.account().responses[request.path.strip("/")] = request.json
            return Response(200)
        if host.endswith(f".execute-api.{AWS}"):
            return await self._http_api(request)
        return await self._pass_on(request, self._plan.aws_url + request.target)

    async def _pass_on(self, request: Request, url: str) -> Response:
        headers = {name: value for name, value in request.headers.items() if name not in DROPPED}
        if urlsplit(url).netloc == urlsplit(self._plan.world_url).netloc:
            headers.pop("host", None)
        answer = await asyncio.to_thread(
            send, request.method, url, body=request.body or None, headers=headers, timeout=120
        )
        kept = {name: value for name, value in answer.headers.items() if name.lower() not in DROPPED | {"content-type"}}
        return Response(answer.status, answer.data, answer.headers.get("Content-Type", ""), kept)
