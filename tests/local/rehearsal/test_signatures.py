"""Tokens of databases and caches: those that our own code signs are taken, and no others."""

import pytest

from functions.adapters.aws import presigned_query
from local.rehearsal.emulator.signatures import caller, signed_query

HOST = "school-dev-primary.example:5432"
SECRETS = {"ASIAFUNCTION": "secret"}


@pytest.fixture
def query(monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "ASIAFUNCTION",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_SESSION_TOKEN": "session",
    }.items():
        monkeypatch.setenv(name, value)
    return presigned_query(HOST, "/", "rds-db", {"Action": "connect", "DBUser": "assistant"}, 900).removeprefix("/?")


def test_a_token_of_a_known_role_is_taken(query: str) -> None:
    assert signed_query(HOST, "/", query, "rds-db", SECRETS) == "ASIAFUNCTION"


@pytest.mark.parametrize(
    ("host", "service", "secrets", "change", "reason"),
    [
        ("another:5432", "rds-db", SECRETS, ("", ""), "signature"),
        (HOST, "elasticache", SECRETS, ("", ""), "another service"),
        (HOST, "rds-db", {}, ("", ""), "unknown role"),
        (HOST, "rds-db", {"ASIAFUNCTION": "other"}, ("", ""), "signature"),
        (HOST, "rds-db", SECRETS, ("DBUser=assistant", "DBUser=postgres"), "signature"),
        (HOST, "rds-db", SECRETS, ("X-Amz-Expires=900", "X-Amz-Expires=-900"), "expired"),
        (HOST, "rds-db", SECRETS, ("X-Amz-Date", "Date"), "not a signed token"),
    ],
)
def test_any_other_token_is_refused(
    query: str, host: str, service: str, secrets: dict[str, str], change: tuple[str, str], reason: str
) -> None:
    with pytest.raises(PermissionError, match=reason):
        signed_query(host, "/", query.replace(*change), service, secrets)


def test_the_caller_of_a_request_is_known_by_its_key() -> None:
    header = "AWS4-HMAC-SHA256 Credential=ASIAFUNCTION/20261125/eu-west-1/sqs/aws4_request, SignedHeaders=host"
    assert caller(header) == ("ASIAFUNCTION", "sqs")
    assert caller("Bearer x") == ("", "")
