"""How a custom resource talks to CloudFormation, and waits for what AWS will soon allow."""

import json
import time
import urllib.request
from collections.abc import Callable
from typing import Any

from botocore.exceptions import ClientError

# A role's new policy holds everywhere after some seconds only, and a new function may not be ready.
TRANSIENT = (
    *("AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "KMSAccessDeniedException"),
    *("ResourceConflictException", "ResourceNotReadyException"),
    *("TooManyRequestsException", "ThrottlingException", "Throttling", "RequestLimitExceeded"),
    *("ServiceException", "InternalServiceError", "EC2ThrottledException"),
)
TRANSIENT_TRIES = 13  # over a minute
TRANSIENT_PAUSE_SECONDS = 5


def patiently(call: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """What the call returns; it is tried again for a minute where AWS refuses what will soon be allowed.

    A refused call has not begun.
    """
    for left in reversed(range(TRANSIENT_TRIES)):
        try:
            return call()
        except ClientError as error:
            if left == 0 or code_of(error) not in TRANSIENT:
                raise
        time.sleep(TRANSIENT_PAUSE_SECONDS)
    raise AssertionError("unreachable")


def code_of(error: Exception) -> str:
    """AWS's code of an error, "" where it is not AWS that refused."""
    return str(error.response.get("Error", {}).get("Code", "")) if isinstance(error, ClientError) else ""


def error_type(payload: bytes) -> str:
    """The type of the error that a function ended with; never its text, which could hold what was passed."""
    try:
        return str(json.loads(payload).get("errorType", "an error"))
    except (ValueError, AttributeError):
        return "an error"


def answer(event: dict[str, Any], physical_id: str, problem: str) -> None:
    """Reports the result to CloudFormation, which would otherwise wait for an hour."""
    body = {
        "Status": "FAILED" if problem else "SUCCESS",
        "Reason": problem,
        "PhysicalResourceId": event.get("PhysicalResourceId", physical_id),
        "StackId": event["StackId"],
        "RequestId": event["RequestId"],
        "LogicalResourceId": event["LogicalResourceId"],
    }
    request = urllib.request.Request(  # noqa: S310 - an https address that CloudFormation signed
        event["ResponseURL"], data=json.dumps(body).encode(), headers={"Content-Type": ""}, method="PUT"
    )
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        pass
