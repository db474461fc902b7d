"""Receives payment notices of the school's system."""

from typing import Any

from functions import dependencies
from functions.adapters import observability
from functions.adapters.api_gateway import Request, response
from functions.adapters.initialization import initialize
from functions.domain.errors import InvalidRequest, ServiceError

UNSIGNED = "X-Signature: expected t=<Unix seconds>,v1=<hex HMAC-SHA256 of 't.body'>, not too old"


@observability.instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """POST /events/payment (HTTP API, payload format 2.0): 202 accepted, 400 names the field, 401 unsigned or old."""
    request = Request.of(event)
    try:
        accepted = dependencies.payment_notice_receiver().receive(request.body, request.headers.get("x-signature"))
        return response(202, "accepted") if accepted else response(401, UNSIGNED)
    except InvalidRequest as error:
        return response(400, str(error))
    except ServiceError as error:  # not stored: the school's system sends it again
        observability.logger().error("payment notice not stored", error=str(error))
        return response(503, "try again")


initialize(dependencies.payment_notice_receiver)
