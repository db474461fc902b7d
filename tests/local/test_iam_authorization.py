"""IAM authorization at the local HTTP API: what botocore signs is let through, anything changed on the way is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

import botocore.auth
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local.iam_authorization import is_signed
from local.world.http_server import Request

ACCESS, SECRET, REGION = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "eu-west-1"
URL = "http://127.0.0.1:8080/graphql"


def signed(
    url: str = URL,
    service: str = "execute-api",
    region: str = REGION,
    token: str | None = None,
    headers: dict[str, str] | None = None,
) -> Request:
    request = AWSRequest("POST", url, {"content-type": "application/json", **(headers or {})}, b'{"query": "{ a }"}')
    SigV4Auth(Credentials(ACCESS, SECRET, token), service, region).add_auth(request)
    parts = urlsplit(url)
    sent = {name.lower(): str(value) for name, value in request.headers.items()} | {"host": parts.netloc}
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    return Request("POST", parts.path, {}, sent, b'{"query": "{ a }"}', target)


def passes(request: Request, secret: str = SECRET) -> bool:
    return is_signed(request, ACCESS, secret, REGION)


@pytest.mark.parametrize(
    "url", [URL, f"{URL}?b=2&a=1&a=0", f"{URL}?q=a%20b%2Fc&empty=", "http://127.0.0.1:8080/a-b/c_d.e~f"]
)
def test_a_request_signed_by_botocore_is_accepted(url: str) -> None:
    assert passes(signed(url))
    assert passes(signed(url, token="a/session+token=="))


def changed(request: Request, **headers: str) -> Request:
    return replace(request, headers={**request.headers, **headers})


@pytest.mark.parametrize(
    "request_",
    [
        Request("POST", "/graphql", {}, {"host": "127.0.0.1:8080"}, b"{}", "/graphql"),
        changed(signed(), authorization="AWS4-HMAC-SHA256 Credential=x"),
        changed(signed(), authorization=signed().headers["authorization"][:-1] + "g"),
        changed(signed(), host="elsewhere:8080"),
        changed(signed(), **{"x-amz-date": "yesterday"}),
        changed(signed(), **{"x-amz-security-token": "new"}, authorization=signed(token="t").headers["authorization"]),
        replace(signed(), body=b'{"query": "{ b }"}'),
        replace(signed(headers={"x-amz-content-sha256": "UNSIGNED-PAYLOAD"}), body=b'{"query": "{ b }"}'),
        replace(signed(), target="/graphql?a=1"),
        replace(signed(), target="/other"),
        replace(signed(), method="GET"),
        signed(service="s3"),
        signed(region="us-east-1"),
    ],
)
def test_a_changed_or_unsigned_request_is_rejected(request_: Request) -> None:
    assert not passes(request_)


def test_a_request_signed_with_another_key_is_rejected() -> None:
    assert not passes(signed(), secret="guessed")
    assert not is_signed(signed(), "AKIDOTHER", SECRET, REGION)


@pytest.mark.parametrize(("minutes", "good"), [(-6, False), (-4, True), (4, True), (6, False)])
def test_a_signature_is_good_for_five_minutes(monkeypatch: pytest.MonkeyPatch, minutes: int, good: bool) -> None:
    moment = (datetime.now(UTC) + timedelta(minutes=minutes)).replace(tzinfo=None)
    monkeypatch.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: moment)
    assert passes(signed()) is good
