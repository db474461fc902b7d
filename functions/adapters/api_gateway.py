"""Requests and responses of an API Gateway HTTP API, payload format 2.0."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Request:
    """One HTTP request. Header names are lower case, as the gateway makes them."""

    method: str
    path: str
    query: Mapping[str, str]
    parameters: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = field(repr=False)  # the very bytes on the wire: signatures are over these
    received_ms: int | None = None  # Unix milliseconds

    @classmethod
    def of(cls, event: Mapping[str, Any]) -> "Request":
        raw = (event.get("body") or "").encode()
        return cls(
            method=event["requestContext"]["http"]["method"],
            path=event.get("rawPath", "/"),
            query=event.get("queryStringParameters") or {},
            parameters=event.get("pathParameters") or {},
            headers={name.lower(): value for name, value in (event.get("headers") or {}).items()},
            body=base64.b64decode(raw) if event.get("isBase64Encoded") else raw,
            received_ms=event["requestContext"].get("timeEpoch"),
        )


def response(status: int, body: str = "", headers: Mapping[str, str] | None = None) -> dict[str, Any]:
    """An answer as the gateway wants it."""
    given = {name.lower(): value for name, value in (headers or {}).items()}
    return {"statusCode": status, "headers": {"content-type": "text/plain"} | given, "body": body}
