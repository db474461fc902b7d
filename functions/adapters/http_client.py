"""One pooled keep-alive HTTP session per process. Callers pass a timeout with every request."""

import threading
import time
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter

POOL = 32
IDLE = 30  # seconds after which a kept connection may be dead: Lambda freezes the process and the peer closes it
PORTS = {"http": 80, "https": 443}
Host = tuple[str, int]


class FreshAdapter(HTTPAdapter):
    """Reconnects to a host that was not used for IDLE seconds.

    A request over a dead connection gets no answer, and then nobody knows whether it arrived.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._last_use: dict[Host, float] = {}
        self._lock = threading.Lock()

    def send(self, request: requests.PreparedRequest, *arguments: Any, **options: Any) -> requests.Response:
        address = urlsplit(request.url or "")
        host = address.hostname or "", address.port or PORTS[address.scheme]
        with self._lock:
            now = time.time()  # the monotonic clock may stand still with the process
            if not 0 <= now - self._last_use.get(host, now) <= IDLE:
                self._drop(host)
            self._last_use[host] = now
        return super().send(request, *arguments, **options)

    def _drop(self, host: Host) -> None:
        """Drop the pooled connections to that host; requests under way are not disturbed."""
        pools: Any = self.poolmanager.pools
        for key in [key for key in pools.keys() if (key.key_host, key.key_port) == host]:  # noqa: SIM118 - no dict
            del pools[key]


@cache
def session() -> requests.Session:
    """The process's session. Connections are kept across invocations; each caller does its own retries."""
    made = requests.Session()
    made.trust_env = False  # no proxy look-up and no .netrc on every call
    made.mount("https://", FreshAdapter(pool_connections=8, pool_maxsize=POOL))
    made.mount("http://", FreshAdapter(pool_connections=8, pool_maxsize=POOL))
    return made
