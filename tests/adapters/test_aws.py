"""AWS's signatures against botocore's own; what is tried again and what is not; nothing secret in an error."""

import datetime as clock
import hashlib
from collections.abc import Mapping
from typing import Self
from urllib.parse import urlsplit

import boto3
import botocore.auth
import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth, SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import dependencies
from functions.adapters import aws
from functions.adapters.aws import AwsError
from functions.adapters.cache import redis_client
from functions.adapters.database import connection
from tests.adapters.scripted_server import scripted

MOMENT = clock.datetime(2026, 11, 23, 7, 30, 15, tzinfo=clock.UTC)
ACCESS, SECRET = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

visible = st.characters(min_codepoint=33, max_codepoint=126)
tokens = st.one_of(st.just(""), st.text(visible, min_size=20, max_size=60))
values = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=40)
names = st.from_regex(r"x-amz-[a-z]{1,12}", fullmatch=True).filter(
    lambda name: name not in ("x-amz-date", "x-amz-content-sha256", "x-amz-security-token")
)
names_in_paths = st.from_regex(r"[A-Za-z0-9._~-]{1,12}", fullmatch=True).filter(lambda name: name not in (".", ".."))
paths = st.lists(names_in_paths, max_size=4).map(lambda parts: "/" + "/".join(parts))
fixed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


@pytest.fixture(autouse=True)
def at_one_moment(environment: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """botocore's clock stands still; credentials are the same for both."""

    class StandingClock(clock.datetime):
        @classmethod
        def now(cls, tz: clock.tzinfo | None = None) -> Self:
            return cls.fromtimestamp(MOMENT.timestamp(), tz)

    environment.setenv("AWS_ACCESS_KEY_ID", ACCESS)
    environment.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    environment.setattr(botocore.auth, "get_current_datetime", lambda remove_tzinfo=True: MOMENT.replace(tzinfo=None))
    environment.setattr(aws, "datetime", StandingClock)
    return environment


def use_token(environment: pytest.MonkeyPatch, token: str) -> Credentials:
    environment.setenv("AWS_SESSION_TOKEN", token)
    return Credentials(ACCESS, SECRET, token or None)


@fixed
@given(
    method=st.sampled_from(["GET", "PUT", "POST"]),
    path=paths,
    service=st.sampled_from(["s3", "sqs", "secretsmanager"]),
    body=st.binary(max_size=50),
    headers=st.dictionaries(names, values, max_size=3),
    token=tokens,
)
def test_signed_headers_equal_botocores(
    at_one_moment: pytest.MonkeyPatch,
    method: str,
    path: str,
    service: str,
    body: bytes,
    headers: Mapping[str, str],
    token: str,
) -> None:
    url = f"https://thing.eu-west-1.amazonaws.com{path}"
    keys = use_token(at_one_moment, token)
    ours = aws.signed_headers(method, url, service, body, headers)
    digest = hashlib.sha256(body).hexdigest()
    request = AWSRequest(method, url, data=body, headers={**headers, "x-amz-content-sha256": digest})
    request.context["payload_signing_enabled"] = True
    (S3SigV4Auth if service == "s3" else SigV4Auth)(keys, service, "eu-west-1").add_auth(request)
    assert ours["authorization"] == request.headers["Authorization"]
    assert ours["x-amz-date"] == request.headers["X-Amz-Date"]
    assert ours.get("x-amz-security-token") == request.headers.get("X-Amz-Security-Token")


@fixed
@given(
    host=st.from_regex(r"[a-z][a-z0-9-]{0,20}(\.[a-z]{2,8})?(:[1-9][0-9]{3})?", fullmatch=True),
    query=st.dictionaries(st.from_regex(r"[A-Z][A-Za-z]{1,10}", fullmatch=True), values, min_size=1, max_size=3),
    seconds=st.integers(1, 3600),
    token=tokens,
)
def test_presigned_queries_equal_botocores(
    at_one_moment: pytest.MonkeyPatch, host: str, query: Mapping[str, str], seconds: int, token: str
) -> None:
    keys = use_token(at_one_moment, token)
    request = AWSRequest("GET", f"https://{host}/", params=dict(query))
    SigV4QueryAuth(keys, "elasticache", "eu-west-1", expires=seconds).add_auth(request)
    theirs = urlsplit(request.url)
    ours = urlsplit(aws.presigned_query(host, "/", "elasticache", query, seconds))
    assert sorted(ours.query.split("&")) == sorted(theirs.query.split("&"))


@pytest.mark.parametrize("token", ["", "session/token+with=signs"])
def test_tokens_of_the_database_equal_boto3s(at_one_moment: pytest.MonkeyPatch, token: str) -> None:
    use_token(at_one_moment, token)
    rds = boto3.client(
        "rds",
        region_name="eu-west-1",
        aws_access_key_id=ACCESS,
        aws_secret_access_key=SECRET,
        aws_session_token=token or None,
    )
    theirs = rds.generate_db_auth_token("db.abc.eu-west-1.rds.amazonaws.com", 5432, "assistant")
    ours = connection._token("db.abc.eu-west-1.rds.amazonaws.com", 5432, "assistant")
    assert ours.partition("?")[0] == theirs.partition("?")[0]
    assert sorted(ours.partition("?")[2].split("&")) == sorted(theirs.partition("?")[2].split("&"))


def test_tokens_of_the_cache_are_signed_for_its_name(at_one_moment: pytest.MonkeyPatch) -> None:
    keys = use_token(at_one_moment, "session-token")
    user, password = redis_client._iam_credentials("school-dev-assistant", "school-dev-cache").get_credentials()
    request = AWSRequest(
        "GET",
        "https://school-dev-cache/",
        params={"Action": "connect", "User": "school-dev-assistant", "ResourceType": "ServerlessCache"},
    )
    SigV4QueryAuth(keys, "elasticache", "eu-west-1", expires=900).add_auth(request)
    theirs = request.url.removeprefix("https://")
    assert user == "school-dev-assistant"
    assert password.partition("?")[0] == theirs.partition("?")[0]
    assert sorted(password.partition("?")[2].split("&")) == sorted(theirs.partition("?")[2].split("&"))


# --- calls ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answers", "calls"),
    [
        ([(500, ""), (200, "{}")], 2),
        ([(503, ""), (200, "{}")], 2),
        ([(429, ""), (200, "{}")], 2),
        ([(400, '{"__type": "ThrottlingException"}'), (200, "{}")], 2),
        ([(0, ""), (200, "{}")], 2),
        ([(200, "{}")], 1),
    ],
)
def test_transient_failure_is_tried_again(answers: list[tuple[int, str]], calls: int) -> None:
    with scripted(*answers) as server:
        assert dependencies.aws().call("POST", server.url + "/", "sqs", b"{}").ok
        assert len(server.requests) == calls


@pytest.mark.parametrize(
    ("answer", "code", "calls"),
    [
        ((400, '{"__type": "com.amazonaws.sqs#QueueDoesNotExist", "message": "the text"}'), "QueueDoesNotExist", 1),
        ((400, '{"__type": "ResourceNotFoundException", "Message": "the text"}'), "ResourceNotFoundException", 1),
        ((404, "<?xml?><Error><Code>NoSuchKey</Code><Message>the text</Message></Error>"), "NoSuchKey", 1),
        ((403, "<Error><Code>AccessDenied</Code></Error>"), "AccessDenied", 1),
        ((500, '{"__type": "InternalFailure"}'), "InternalFailure", 2),
        ((502, "<html>the text</html>"), "", 2),
        ((400, '["the text"]'), "", 1),
        ((0, ""), "ConnectionError", 2),
    ],
)
def test_error_carries_its_code_and_nothing_else(
    answer: tuple[int, str], code: str, calls: int, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("AWS_SESSION_TOKEN", "the session token")
    with scripted(answer) as server:
        with pytest.raises(AwsError) as failed:
            dependencies.aws().call("POST", server.url + "/", "sqs", b"the body of a parent")
        assert (failed.value.code, failed.value.status) == (code, answer[0])
        assert len(server.requests) == calls
    for secret in (SECRET, "the session token", "the body", "the text"):
        assert secret not in str(failed.value) + repr(failed.value)


def test_credentials_may_come_from_the_containers_endpoint(environment: pytest.MonkeyPatch) -> None:
    found = '{"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T"}'
    with scripted((200, found)) as server:
        environment.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url + "/credentials")
        environment.setenv("AWS_CONTAINER_AUTHORIZATION_TOKEN", "let me")
        assert aws.credentials() == aws.credentials() == aws.Credentials("A", "S", "T")
        assert [request["authorization"] for request in server.requests] == ["let me"]


@pytest.mark.parametrize("lost", [(0, ""), (500, "<busy>")], ids=["no answer", "no JSON"])
def test_credentials_are_asked_for_twice(environment: pytest.MonkeyPatch, lost: tuple[int, str]) -> None:
    with scripted(lost, (200, '{"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "T"}')) as server:
        environment.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url + "/credentials")
        assert aws.credentials() == aws.Credentials("A", "S", "T")


def test_a_process_that_is_restored_from_a_snapshot_signs_with_the_session_of_now(
    environment: pytest.MonkeyPatch,
) -> None:
    """Its credentials, and what was signed with them, are those of the day when the snapshot was taken."""
    sessions = [f'{{"AccessKeyId": "A", "SecretAccessKey": "S", "Token": "{name}"}}' for name in ("old", "new")]
    with scripted(*((200, session) for session in sessions)) as server:
        environment.setenv("AWS_CONTAINER_CREDENTIALS_FULL_URI", server.url + "/credentials")
        environment.setenv("AWS_REGION", "eu-west-1")
        environment.setattr(aws, "datetime", clock_at(clock.datetime(2026, 11, 25, tzinfo=clock.UTC)))
        assert "X-Amz-Security-Token=old" in aws.presigned_query("db:5432", "/", "rds-db", {}, 900)
        environment.setattr(aws, "datetime", clock_at(clock.datetime(2026, 11, 26, tzinfo=clock.UTC)))
        query = aws.presigned_query("db:5432", "/", "rds-db", {}, 900)
        assert "X-Amz-Security-Token=new" in query
        assert "X-Amz-Date=20261126T000000Z" in query


def clock_at(moment: clock.datetime) -> type[clock.datetime]:
    class Clock(clock.datetime):
        @classmethod
        def now(cls, tz: object = None) -> clock.datetime:  # type: ignore[override]
            return moment

    return Clock


def test_endpoint_may_be_replaced_for_each_service(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("AWS_ENDPOINT_URL_SQS", "http://localhost:1")
    assert aws.endpoint("sqs", "SQS") == "http://localhost:1"
    environment.delenv("AWS_ENDPOINT_URL_SQS")
    assert aws.endpoint("sqs", "SQS") == "https://sqs.eu-west-1.amazonaws.com"
