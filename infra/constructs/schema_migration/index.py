"""Called by CloudFormation at deployment: hands the database's master password to `migrate`.

`migrate` is inside the network, where no secret can be read; this function is outside, where no database can be
reached. The password travels inside the invocation alone, as

    {"master_username": "postgres", "master_password": "…"}

and `migrate` answers with anything (shown in its own log) or raises. Nothing here logs, and an error is reported by its
type: its text could hold what was passed.
"""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

TRIES = 3  # a new database may not accept connections yet
PAUSE_SECONDS = 20
# A role's new policy holds everywhere after some seconds only, and a new function may not be ready.
TRANSIENT = (
    *("AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "KMSAccessDeniedException"),
    *("ResourceConflictException", "ResourceNotReadyException"),
    *("TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded"),
    *("ServiceException", "InternalServiceError", "EC2ThrottledException"),
)
TRANSIENT_TRIES = 13  # over a minute
TRANSIENT_PAUSE_SECONDS = 5


class MigrationFailed(Exception):
    """`migrate` raised; the message is the type of its error."""


def handler(event: dict[str, Any], context: Any) -> None:
    """A custom resource of CloudFormation (Create, Update, Delete): answers to `ResponseURL`, whatever happens."""
    problem = ""
    try:
        if event["RequestType"] != "Delete" and not _is_rollback(event):
            migrate(event["ResourceProperties"])
    except MigrationFailed as error:
        problem = f"migrate failed with {error}: see its log, /aws/lambda/*-migrate"
    except Exception as error:
        problem = f"the migration could not be started: {_code(error) or type(error).__name__}"
    answer(event, "FAILED" if problem else "SUCCESS", problem)


def _is_rollback(event: dict[str, Any]) -> bool:
    """True when CloudFormation goes back to a release with fewer migrations: the schema stays as it is.

    Migrations only add, so that the release before works with the schema of the next.
    """
    before = event.get("OldResourceProperties", {}).get("Migrations", "0")
    return int(event["ResourceProperties"]["Migrations"]) < int(before)


def migrate(properties: dict[str, Any], pause: float = PAUSE_SECONDS) -> None:
    """Reads the master secret and calls `migrate` with it; raises MigrationFailed with the type of its last error."""
    # Longer than `migrate` may take; without a retry, which would call it twice at the same time.
    patient = Config(read_timeout=180, connect_timeout=5, retries={"total_max_attempts": 1})
    secrets = boto3.client("secretsmanager", config=Config(read_timeout=10, connect_timeout=5))
    secret = _patiently(lambda: secrets.get_secret_value(SecretId=properties["MasterSecret"]))
    master = json.loads(secret["SecretString"])
    payload = json.dumps({"master_username": master["username"], "master_password": master["password"]})
    functions = boto3.client("lambda", config=patient)
    problem = ""
    for attempt in range(TRIES):
        if attempt:
            time.sleep(pause)
        outcome = _patiently(lambda: functions.invoke(FunctionName=properties["Migrate"], Payload=payload.encode()))
        if not outcome.get("FunctionError"):
            return
        problem = _error_type(outcome["Payload"].read())
    raise MigrationFailed(problem)


def _patiently(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the call returns; it is tried again for a minute where AWS refuses what will soon be allowed.

    A refused call has not begun, so that `migrate` never runs twice at the same time.
    """
    for left in reversed(range(TRANSIENT_TRIES)):
        try:
            return call()
        except ClientError as error:
            if left == 0 or _code(error) not in TRANSIENT:
                raise
        time.sleep(TRANSIENT_PAUSE_SECONDS)
    raise AssertionError("unreachable")


def _code(error: Exception) -> str:
    """AWS's code of an error, "" where it is not AWS that refused."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def _error_type(payload: bytes) -> str:
    try:
        return str(json.loads(payload).get("errorType", "an error"))
    except (ValueError, AttributeError):
        return "an error"


def answer(event: dict[str, Any], status: str, reason: str) -> None:
    """Reports the result to CloudFormation, which would otherwise wait for an hour."""
    body = {
        "Status": status,
        "Reason": reason,
        "PhysicalResourceId": event.get("PhysicalResourceId", "schema"),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = urllib.request.Request(  # noqa: S310 - an https address that CloudFormation signed
        event["ResponseURL"], data=json.dumps(body).encode(), headers={"Content-Type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
