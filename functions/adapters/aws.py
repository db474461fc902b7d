"""The few AWS calls that a parent waits for, signed here instead of by boto3.

Importing boto3 and making one client costs 205-235 ms of a cold start, `botocore.auth` alone 60-100 ms; this module
5 ms. Signature Version 4 as AWS documents it; the tests compare it with botocore's.
"""

import hashlib
import hmac
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from urllib.parse import quote, urlsplit

import requests

from functions.domain.errors import ServiceError

ALGORITHM = "AWS4-HMAC-SHA256"
EMPTY = hashlib.sha256(b"").hexdigest()
THROTTLED = frozenset({"Throttling", "ThrottlingException", "RequestThrottled", "RequestLimitExceeded"})  # with 400


class AwsError(ServiceError):
    """An AWS service refused or did not answer; `code` is its error code, "" where there was no answer."""

    def __init__(self, service: str, code: str, status: int = 0) -> None:
        super().__init__(f"{service}: {code or 'no answer'} ({status})")
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Credentials:
    """What the runtime gives the function's role."""

    access_key: str
    secret_key: str
    token: str


def credentials() -> Credentials:
    """From the environment, where Lambda puts them; with SnapStart from the container's endpoint, refreshed there."""
    if "AWS_CONTAINER_CREDENTIALS_FULL_URI" in os.environ:
        return _container_credentials(int(datetime.now(UTC).timestamp()) // 300)
    return Credentials(
        os.environ["AWS_ACCESS_KEY_ID"], os.environ["AWS_SECRET_ACCESS_KEY"], os.environ.get("AWS_SESSION_TOKEN", "")
    )


@lru_cache(maxsize=1)
def _container_credentials(_five_minutes: int) -> Credentials:
    """Tried twice: the endpoint is on the same machine, and nothing can be signed without it."""
    url = os.environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"]
    headers = {"Authorization": os.environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")}
    try:
        found = requests.get(url, headers=headers, timeout=1).json()
    except (requests.RequestException, ValueError):
        found = requests.get(url, headers=headers, timeout=1).json()
    return Credentials(found["AccessKeyId"], found["SecretAccessKey"], found["Token"])


def region() -> str:
    return os.environ["AWS_REGION"]


def endpoint(service: str, name: str) -> str:
    """The URL of a service: AWS's own variables for another endpoint where set, else the regional one."""
    other = os.environ.get(f"AWS_ENDPOINT_URL_{name}") or os.environ.get("AWS_ENDPOINT_URL")
    return other or f"https://{service}.{region()}.amazonaws.com"


def signed_headers(
    method: str, url: str, service: str, body: bytes, headers: Mapping[str, str], moment: datetime | None = None
) -> dict[str, str]:
    """The headers of a request, signed. `url` without a query; `headers` beyond host and date, names in lower case."""
    keys, parts = credentials(), urlsplit(url)
    stamp = (moment or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    digest = hashlib.sha256(body).hexdigest() if body else EMPTY
    signing = dict(headers) | {"host": parts.netloc, "x-amz-date": stamp, "x-amz-content-sha256": digest}
    if keys.token:
        signing["x-amz-security-token"] = keys.token
    names = ";".join(sorted(signing))
    request = "\n".join(
        [
            method,
            parts.path or "/",
            "",
            *(f"{name}:{' '.join(signing[name].split())}" for name in sorted(signing)),
            "",
            names,
            digest,
        ]
    )
    scope = f"{stamp[:8]}/{region()}/{service}/aws4_request"
    signature = _signature(keys, service, stamp, scope, request)
    del signing["host"]  # the HTTP library sends it
    credential = f"{keys.access_key}/{scope}"
    return signing | {
        "authorization": f"{ALGORITHM} Credential={credential}, SignedHeaders={names}, Signature={signature}"
    }


def presigned_query(
    host: str, path: str, service: str, query: Mapping[str, str], seconds: int, moment: datetime | None = None
) -> str:
    """`path?query` with a signature that holds for some seconds: the tokens of RDS and ElastiCache are made so."""
    keys = credentials()
    stamp = (moment or datetime.now(UTC)).strftime("%Y%m%dT%H%M%SZ")
    scope = f"{stamp[:8]}/{region()}/{service}/aws4_request"
    signing = dict(query) | {
        "X-Amz-Algorithm": ALGORITHM,
        "X-Amz-Credential": f"{keys.access_key}/{scope}",
        "X-Amz-Date": stamp,
        "X-Amz-Expires": str(seconds),
        "X-Amz-SignedHeaders": "host",
    }
    if keys.token:
        signing["X-Amz-Security-Token"] = keys.token
    canonical = "&".join(f"{quote(name, safe='-_.~')}={quote(signing[name], safe='-_.~')}" for name in sorted(signing))
    request = "\n".join(["GET", path, canonical, f"host:{host}", "", "host", EMPTY])
    return f"{path}?{canonical}&X-Amz-Signature={_signature(keys, service, stamp, scope, request)}"


def _signature(keys: Credentials, service: str, stamp: str, scope: str, request: str) -> str:
    to_sign = "\n".join([ALGORITHM, stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    key = b"AWS4" + keys.secret_key.encode()
    for part in (stamp[:8], region(), service, "aws4_request"):
        key = hmac.new(key, part.encode(), hashlib.sha256).digest()
    return hmac.new(key, to_sign.encode(), hashlib.sha256).hexdigest()


class AwsClient:
    """Signed calls over the process's HTTP session."""

    def __init__(self, session: requests.Session) -> None:
        self._session = session

    def call(
        self,
        method: str,
        url: str,
        service: str,
        body: bytes = b"",
        headers: Mapping[str, str] | None = None,
        *,
        timeout: tuple[float, float] = (1.0, 3.0),
        tries: int = 2,
    ) -> requests.Response:
        """One signed request: `timeout` is (connect, read) in seconds; what is transient is tried again at once.

        Raises AwsError with the service's code.
        """
        for attempt in range(1, tries + 1):
            try:
                answer = self._session.request(
                    method,
                    url,
                    data=body or None,
                    headers=signed_headers(method, url, service, body, headers or {}),
                    timeout=timeout,
                )
            except requests.RequestException as error:
                if attempt == tries:
                    raise AwsError(service, type(error).__name__) from None
                continue
            if answer.ok:
                return answer
            code = _code(answer)
            if attempt == tries or not (answer.status_code >= 500 or answer.status_code == 429 or code in THROTTLED):
                raise AwsError(service, code, answer.status_code)
        raise AwsError(service, "")

    def call_json(
        self, service: str, name: str, target: str, version: str, values: Mapping[str, object]
    ) -> dict[str, object]:
        """One call of a service that speaks AWS's JSON protocol, such as SQS or Secrets Manager."""
        headers = {"content-type": f"application/x-amz-json-{version}", "x-amz-target": target}
        answer = self.call("POST", endpoint(service, name) + "/", service, json.dumps(values).encode(), headers)
        found = answer.json()
        return found if isinstance(found, dict) else {}


def _code(answer: requests.Response) -> str:
    """The error code of a JSON or XML answer; never its text, which may repeat what was sent."""
    try:
        return str(answer.json().get("__type", "")).rpartition("#")[2]
    except (ValueError, AttributeError):
        return answer.text.partition("<Code>")[2].partition("</Code>")[0]
