"""IAM authorization as API Gateway does it: whether a request is signed (Signature Version 4), and with whose key."""

import hashlib
import hmac
import re
from datetime import UTC, datetime
from typing import Final

from local.world.http_server import Request

SERVICE: Final = "execute-api"
CLOCK_SKEW_SECONDS: Final = 300
AUTHORIZATION: Final = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/]+)/(?P<day>\d{8})/(?P<region>[^/]+)/(?P<service>[^/]+)"
    r"/aws4_request, ?SignedHeaders=(?P<names>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


def is_signed(request: Request, access_key: str, secret_key: str, region: str) -> bool:
    """Whether it is signed with this key, for this host, path, query and body, within the last five minutes."""
    given = AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    timestamp = request.headers.get("x-amz-date", "")
    if given is None or (given["key"], given["region"], given["service"]) != (access_key, region, SERVICE):
        return False
    names = given["names"].split(";")
    if "host" not in names or not _is_recent(timestamp) or not timestamp.startswith(given["day"]):
        return False
    headers = {name: request.headers.get(name, "") for name in names}
    digest = hashlib.sha256(request.body).hexdigest()
    if headers.get("x-amz-content-sha256", digest) != digest:  # botocore would sign the header's word for it
        return False
    expected = _signature(request, headers, timestamp, access_key, secret_key, region)
    return hmac.compare_digest(expected, given["signature"])


def _signature(
    request: Request, headers: dict[str, str], timestamp: str, access_key: str, secret_key: str, region: str
) -> str:
    """The signature that botocore gives the same request; imported here, since only one route is signed."""
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    same = AWSRequest(request.method, f"http://{headers['host']}{request.target}", headers, request.body)
    same.context["timestamp"] = timestamp
    signer = SigV4Auth(Credentials(access_key, secret_key), SERVICE, region)
    return str(signer.signature(signer.string_to_sign(same, signer.canonical_request(same)), same))


def _is_recent(timestamp: str) -> bool:
    try:
        moment = datetime.strptime(timestamp, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs((datetime.now(UTC) - moment).total_seconds()) <= CLOCK_SKEW_SECONDS
