"""IAM authorization as API Gateway does it: whether a request is signed (Signature Version 4), and with whose key."""

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Final
from urllib.parse import quote, unquote

from local.world.http_server import Request

SERVICE: Final = "execute-api"
SECONDS: Final = 300  # how far the clocks may be apart
AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<scope>(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)"
    r"/aws4_request), ?SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


def is_signed(request: Request, access_key: str, secret_key: str, region: str) -> bool:
    """True for a request signed with this key, for this very host, path, query and body, not long ago."""
    given = AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    stamp = request.headers.get("x-amz-date", "")
    if given is None or (given["key"], given["region"], given["service"]) != (access_key, region, SERVICE):
        return False
    names = given["names"].split(";")
    if "host" not in names or not _is_recent(stamp) or not stamp.startswith(given["day"]):
        return False
    digest = hashlib.sha256(request.body).hexdigest()
    path, _, query = request.target.partition("?")
    canonical = "\n".join(
        [
            request.method,
            quote(path, safe="/-_.~"),
            "&".join(sorted(_parameter(part) for part in query.split("&") if part)),
            *(f"{name}:{' '.join(request.headers.get(name, '').split())}" for name in names),
            "",
            given["names"],
            digest,
        ]
    )
    to_sign = "\n".join(
        ["AWS4-HMAC-SHA256", stamp, given["scope"], hashlib.sha256(canonical.encode("latin-1")).hexdigest()]
    )
    key = b"AWS4" + secret_key.encode()
    for part in given["scope"].split("/"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.compare_digest(hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest(), given["signature"])


def _parameter(part: str) -> str:
    name, _, value = part.partition("=")
    return f"{quote(unquote(name), safe='-_.~')}={quote(unquote(value), safe='-_.~')}"


def _is_recent(stamp: str) -> bool:
    try:
        moment = datetime.strptime(stamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs((datetime.now(UTC) - moment).total_seconds()) <= SECONDS
