"""The HTTP client between the parts of the stack: connections stay open, nothing is retried, threads may share it."""

from collections.abc import Mapping
from typing import Any, Final

import urllib3

CONNECT_SECONDS: Final = 2.0
SECONDS: Final = 30.0  # to wait for a response, unless a call says otherwise
CONNECTIONS: Final = 128  # kept open to each server; further ones are opened and closed as needed

_pools: Final = urllib3.PoolManager(num_pools=64, maxsize=CONNECTIONS, retries=False)


def send(
    method: str,
    url: str,
    *,
    body: bytes | None = None,
    json: Any = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = SECONDS,
) -> urllib3.BaseHTTPResponse:
    """The response with its body read; OSError if none comes within `timeout` seconds. `json` replaces `body`."""
    limits = urllib3.Timeout(connect=min(CONNECT_SECONDS, timeout), read=timeout)
    try:
        return _pools.request(method, url, body=body, json=json, headers=headers, timeout=limits, redirect=False)
    except urllib3.exceptions.HTTPError as error:
        raise OSError(f"{method} {url}: {type(error).__name__}") from error


def request(
    method: str,
    url: str,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = SECONDS,
) -> tuple[int, bytes]:
    """Status and body; OSError if no response comes within `timeout` seconds."""
    response = send(method, url, body=body, headers=headers, timeout=timeout)
    return response.status, response.data
