"""The GraphQL gateway: students, fees, payments and statements as one graph, for callers with AWS credentials."""

import json
import time
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from functions import dependencies
from functions.adapters import observability
from functions.adapters.api_gateway import Request, response
from functions.adapters.graphql.figures import Figures
from functions.adapters.graphql.schema import answer
from functions.adapters.initialization import initialize
from functions.adapters.school_api import DEADLINE
from functions.domain.errors import InvalidRequest, ServiceError

SECONDS_LEFT = "x-seconds-left"  # how long the caller waits
CONTENT = {"content-type": "application/graphql-response+json; charset=utf-8"}


@observability.instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """POST /graphql (HTTP API, payload format 2.0, IAM authorization) -> GraphQL's `{"data", "errors"}`."""
    request = Request.of(event)
    deadline = time.monotonic() + seconds_left(request.headers)
    try:
        school_api = dependencies.school_api_for_graph()
        with suppress(ServiceError):  # without the key each field has an error of its own
            school_api.prewarm()  # once, not once a thread
        answered = answer(read(request.body), Figures(school_api, deadline))
    except InvalidRequest as error:
        answered = {"errors": [{"message": str(error), "extensions": {"code": "BAD_REQUEST"}}]}
    return response(200 if answered.get("data") else 400, json.dumps(answered), CONTENT)


def read(body: bytes) -> Mapping[str, Any]:
    """The GraphQL request; InvalidRequest says what is wrong with it."""
    try:
        request = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidRequest("body", "JSON") from None
    if not isinstance(request, dict) or not isinstance(request.get("query"), str) or not request["query"]:
        raise InvalidRequest("query", "a GraphQL document")
    for name, kind in {"variables": dict, "operationName": str}.items():
        if not isinstance(request.get(name), kind | None):
            raise InvalidRequest(name, "an object" if kind is dict else "a name")
    return request


def seconds_left(headers: Mapping[str, str]) -> float:
    """Never longer than a parent is made to wait."""
    try:
        return min(max(float(headers[SECONDS_LEFT]), 0.0), DEADLINE)
    except (KeyError, ValueError):
        return DEADLINE


initialize(dependencies.school_api_for_graph, lambda: dependencies.school_api_for_graph().prewarm())
