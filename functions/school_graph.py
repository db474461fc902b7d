"""The GraphQL gateway: students, fees, payments and statements as one graph, for whoever signs with AWS credentials."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from functions.adapters import observe, secret_store, warm
from functions.adapters.graph.figures import Figures
from functions.adapters.graph.schema import answer
from functions.adapters.http_api import Request, response
from functions.adapters.school_api import DEADLINE, SchoolApi
from functions.adapters.settings import from_environment
from functions.domain.errors import InvalidRequest

TRIES = 2  # of each call: who asks for the account asks once more for what is missing
SECONDS_LEFT = "x-seconds-left"  # how long the caller waits
CONTENT = {"content-type": "application/graphql-response+json; charset=utf-8"}


@dataclass(frozen=True)
class Settings:
    school_api_url: str
    school_api_key_name: str


@cache
def school_api() -> SchoolApi:
    settings = from_environment(Settings)
    return SchoolApi(settings.school_api_url, settings.school_api_key_name, TRIES)


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """POST /graphql (HTTP API, payload format 2.0, IAM authorization) -> GraphQL's `{"data", "errors"}`."""
    request = Request.of(event)
    deadline = time.monotonic() + seconds_left(request.headers)
    try:
        secret_store.fetch_together(school_api().key_name)  # once, not once a thread
        answered = answer(read(request.body), Figures(school_api(), deadline))
    except InvalidRequest as error:
        answered = {"errors": [{"message": str(error), "extensions": {"code": "BAD_REQUEST"}}]}
    return response(200 if answered.get("data") else 400, json.dumps(answered), CONTENT)


def read(body: bytes) -> Mapping[str, Any]:
    """The GraphQL request; InvalidRequest says what is wrong with it."""
    try:
        request = json.loads(body)
    except ValueError:
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


warm.ahead(lambda: school_api().ready())
