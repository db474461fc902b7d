"""WhatsApp's webhook. Answers at once; the work is done behind the queues."""

from typing import Any

from functions import dependencies
from functions.adapters import observability
from functions.adapters.api_gateway import Request, response
from functions.adapters.initialization import initialize
from functions.domain.errors import ServiceError


@observability.instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """GET: WhatsApp's verification. POST: a signed body of up to 1,000 updates (HTTP API, payload format 2.0)."""
    request, receiver = Request.of(event), dependencies.webhook_receiver()
    try:
        if request.method == "GET":
            challenge = receiver.verify(request.query)
            return response(403, "wrong verify token") if challenge is None else response(200, challenge)
        is_signed = receiver.receive(request.body, request.headers.get("x-hub-signature-256"), request.received_ms)
        return response(200) if is_signed else response(401, "bad signature")
    except ServiceError as error:  # not stored: WhatsApp delivers it again, for up to seven days
        observability.logger().error("webhook not stored", error=str(error))
        return response(503, "try again")


initialize(dependencies.webhook_receiver, lambda: dependencies.webhook_receiver().prewarm())
