"""The page behind the QR code of a gate pass."""

from typing import Any

from functions import dependencies
from functions.adapters.api_gateway import Request, response
from functions.adapters.documents.pass_page import HEADERS, pass_page
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.domain.errors import DataUnavailable
from functions.domain.gate_passes import PassState

UNAVAILABLE = "The school's records cannot be reached at the moment. Please scan again."


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """GET /passes/{token} (HTTP API, payload format 2.0) -> the page, complete, without JavaScript."""
    token = Request.of(event).parameters.get("token", "")
    try:
        page = dependencies.gate_pass_verifier().verify(token)
    except DataUnavailable:
        return response(503, UNAVAILABLE, {"retry-after": "10"})
    return response(404 if page.state == PassState.UNKNOWN else 200, pass_page(page), HEADERS)


initialize(dependencies.gate_pass_verifier)
