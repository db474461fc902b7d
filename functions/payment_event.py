"""The school's system tells us of a payment: checked, and put on the queue of its family."""

import json
import time
from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.adapters import observe, queues, secret_store
from functions.adapters.http_api import Request, response
from functions.adapters.settings import from_environment
from functions.domain import payments
from functions.domain.errors import InvalidRequest, ServiceError


@dataclass(frozen=True)
class Settings:
    conversation_queue_url: str
    payment_secret_name: str


@cache
def settings() -> Settings:
    return from_environment(Settings)


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """POST /events/payment (HTTP API, payload format 2.0): 202 taken, 400 names the field, 401 not signed or too old.

    The same event sent again is taken again and acted on once.
    """
    request = Request.of(event)
    try:
        secret = secret_store.secret(settings().payment_secret_name)
        if not payments.is_signed(request.body, request.headers.get("x-signature"), secret, time.time()):
            observe.count("BadSignatures")
            return response(401, "X-Signature: expected t=<Unix seconds>,v1=<hex HMAC-SHA256 of 't.body'>, not too old")
        notice = payments.Notice.read(json.loads(request.body))
        message = notice.as_message(int(time.time()))
        queues.send_in_order(settings().conversation_queue_url, [(notice.student_id, message.id, message.as_json())])
    except InvalidRequest as error:
        return response(400, str(error))
    except ValueError:
        return response(400, "body: expected JSON")
    except ServiceError as error:  # not stored: the school's system sends it again
        observe.log().error("payment not stored", error=str(error))
        return response(503, "try again")
    return response(202, "taken")
