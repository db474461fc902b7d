"""Signatures of AWS (Version 4) in requests and in the tokens that databases and caches take."""

import hashlib
import hmac
import re
from datetime import UTC, datetime, timedelta
from typing import Final
from urllib.parse import parse_qsl, quote

AUTHORIZATION: Final = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([^/]+)/aws4_request")


def caller(authorization: str) -> tuple[str, str]:
    """(access key, service) of a signed request; two empty texts for one that is not."""
    found = AUTHORIZATION.search(authorization)
    return (found[1], found[2]) if found else ("", "")


def signed_query(host: str, path: str, query: str, service: str, secrets: dict[str, str]) -> str:
    """The access key that a presigned query was signed with, for this host; PermissionError says what is wrong."""
    given = dict(parse_qsl(query, keep_blank_values=True))
    try:
        key, day, region, named, _ = given["X-Amz-Credential"].split("/")
        stamp, signature = given["X-Amz-Date"], given.pop("X-Amz-Signature")
        until = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        until += timedelta(seconds=int(given["X-Amz-Expires"]))
    except (KeyError, ValueError):
        raise PermissionError("it is not a signed token") from None
    if named != service or key not in secrets:
        raise PermissionError("the token is for another service or of an unknown role")
    if until < datetime.now(UTC):
        raise PermissionError("the token has expired")
    canonical = "&".join(f"{quote(name, safe='-_.~')}={quote(given[name], safe='-_.~')}" for name in sorted(given))
    request = "\n".join(["GET", path, canonical, f"host:{host}", "", "host", hashlib.sha256(b"").hexdigest()])
    scope = f"{day}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    secret = b"AWS4" + secrets[key].encode()
    for part in (day, region, service, "aws4_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    if not hmac.compare_digest(hmac.new(secret, text.encode(), hashlib.sha256).hexdigest(), signature):
        raise PermissionError("the token's signature is wrong")
    return key
