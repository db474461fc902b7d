"""Invokes functions at the Lambda service, for state machines, event source mappings and the start of the stack.

boto3 would do the same, with 1.0 instead of 0.4 ms of CPU time a call; a conversation makes about eight calls.
"""

import json
from typing import Any, Final

from local.http_client import send
from local.lambda_service.invocation import COLD_START, REQUEST_ID
from local.step_functions.errors import FunctionError, Invocation, InvokeError

LONGEST_SECONDS: Final = 900  # Lambda's own limit; shorter timeouts are enforced by the service

_CODES: Final = {
    400: "InvalidRequestContentException",
    404: "ResourceNotFoundException",
    413: "RequestTooLargeException",
    429: "TooManyRequestsException",
}


class LambdaClient:
    """Safe to share between threads."""

    def __init__(self, url: str) -> None:
        self._url = url

    def invoke(self, function_name: str, payload: Any) -> Any:
        """The function's result; FunctionError if it failed, InvokeError if the service did."""
        return self.invocation(function_name, payload).result

    def invocation(self, function_name: str, payload: Any) -> Invocation:
        """The same with the id of the request, by which its log lines are found."""
        url = f"{self._url}/2015-03-31/functions/{function_name}/invocations"
        try:
            response = send("POST", url, body=json.dumps(payload).encode(), timeout=LONGEST_SECONDS)
        except OSError as error:
            raise InvokeError("ServiceException", str(error), 500) from error
        if response.status != 200:
            code = _CODES.get(response.status, "ServiceException")
            raise InvokeError(code, _message(response.data), response.status)
        result = json.loads(response.data) if response.data else None
        cold_start = response.headers.get(COLD_START)
        found = Invocation(result, response.headers.get(REQUEST_ID, ""), float(cold_start) if cold_start else None)
        if response.headers.get("X-Amz-Function-Error"):
            raise FunctionError(result if isinstance(result, dict) else {"errorMessage": str(result)}, found)
        return found


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body).get("message", ""))
    except (ValueError, AttributeError):
        return ""
