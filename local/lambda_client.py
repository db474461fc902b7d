"""Invokes functions at the local Lambda service, for the state machine and the event source mapping."""

import json
from typing import Any, Final

import urllib3

from local.state_machines import FunctionError, InvokeError

LONGEST_SECONDS: Final = 900  # a Lambda's own limit: its timeout is the service's affair

_CODES: Final = {
    400: "InvalidRequestContentException",
    404: "ResourceNotFoundException",
    413: "RequestTooLargeException",
    429: "TooManyRequestsException",
}


class LambdaClient:
    """Safe to share between threads; connections stay open."""

    def __init__(self, url: str) -> None:
        timeout = urllib3.Timeout(connect=2, read=LONGEST_SECONDS)
        self._pool = urllib3.connection_from_url(url, maxsize=128, timeout=timeout, retries=False)

    def invoke(self, function_name: str, payload: Any) -> Any:
        """The function's result; FunctionError if it failed, InvokeError if the service did."""
        path = f"/2015-03-31/functions/{function_name}/invocations"
        try:
            response = self._pool.request("POST", path, body=json.dumps(payload).encode())
        except urllib3.exceptions.HTTPError as error:
            raise InvokeError("ServiceException", type(error).__name__, 500) from error
        if response.status != 200:
            raise InvokeError(_CODES.get(response.status, "ServiceException"), _message(response.data), response.status)
        result = json.loads(response.data) if response.data else None
        if response.headers.get("X-Amz-Function-Error"):
            raise FunctionError(result if isinstance(result, dict) else {"errorMessage": str(result)})
        return result


def _message(body: bytes) -> str:
    try:
        return str(json.loads(body).get("message", ""))
    except (ValueError, AttributeError):
        return ""
