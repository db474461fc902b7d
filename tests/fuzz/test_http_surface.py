"""Every route of the HTTP API with any request: no 5xx, nothing of ours in the answer, signed or not."""

import base64
import json
import re
import time
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from functions import payment_event, school_graph, verify_pass, webhook
from functions.adapters.whatsapp import signature
from functions.domain import payments
from infra.catalog import ROUTES, Route
from local.plan import Plan
from tests.conftest import Aws, Database, OutsideWorld
from tests.fuzz.seeds import seeds
from tests.fuzz.test_targets import changed_seeds

HANDLERS: dict[str, Any] = {
    "webhook": webhook.handler,
    "payment_event": payment_event.handler,
    "school_graph": school_graph.handler,
    "verify_pass": verify_pass.handler,
}
TARGET_OF = {"webhook": "webhook", "payment_event": "payment_event", "school_graph": "graphql"}
OURS = re.compile(r"Traceback|File \"|functions[./]|Exception|sqlalchemy|psycopg|redis\b", re.IGNORECASE)
HEADERS = ("x-hub-signature-256", "x-signature", "x-seconds-left", "content-type", "authorization", "X-Forwarded-For")
# What a gateway passes on: no control characters in headers, no unpaired surrogates.
TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=60)

pytestmark = pytest.mark.usefixtures("world", "secrets")


@pytest.fixture(autouse=True)
def parts(aws: Aws, database: Database, world: OutsideWorld) -> None:
    """The stores and services that the handlers reach."""


@st.composite
def events(draw: st.DrawFn, route: Route, plan: Plan) -> dict[str, Any]:
    """One request for the route, as API Gateway hands it over."""
    raw = b""
    if route.function in TARGET_OF:
        name = TARGET_OF[route.function]
        raw = draw(changed_seeds(name) | st.sampled_from([path.read_bytes() for path in seeds(name)]) | st.binary())
    headers = draw(st.dictionaries(st.sampled_from(HEADERS), TEXTS, max_size=4))
    if draw(st.booleans()):
        headers["x-hub-signature-256"] = signature.sign(raw, plan.app_secret)
        headers["x-signature"] = payments.sign(raw, plan.payment_secret, time.time())
    event: dict[str, Any] = {
        "requestContext": {"http": {"method": route.method}},
        "rawPath": route.path,
        "headers": headers,
        "queryStringParameters": draw(st.none() | st.dictionaries(TEXTS, TEXTS, max_size=3)),
        "pathParameters": draw(st.none() | st.fixed_dictionaries({"token": TEXTS | st.just("A" * 32)})),
    }
    try:
        event["body"] = raw.decode()
    except UnicodeDecodeError:
        event |= {"body": base64.b64encode(raw).decode(), "isBase64Encoded": True}
    return event


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], max_examples=25)
@given(data=st.data())
def test_any_request_has_an_answer(route: Route, plan: Plan, data: st.DataObject) -> None:
    answer = HANDLERS[route.function](data.draw(events(route, plan)), None)
    assert 200 <= answer["statusCode"] < 500
    assert not OURS.search(answer["body"])
    json.dumps(answer)
    assert all(isinstance(value, str) and "\n" not in value for value in answer["headers"].values())


@pytest.mark.parametrize("body", ["[" * 100_000, '{"a":' * 100_000, '{"query": ' + "[" * 100_000])
@pytest.mark.parametrize("route", [route for route in ROUTES if route.method == "POST"], ids=lambda route: route.path)
def test_a_body_of_endless_depth_has_an_answer(route: Route, plan: Plan, body: str) -> None:
    raw = body.encode()
    headers = {
        "x-hub-signature-256": signature.sign(raw, plan.app_secret),
        "x-signature": payments.sign(raw, plan.payment_secret, time.time()),
    }
    event = {"requestContext": {"http": {"method": "POST"}}, "headers": headers, "body": body}
    assert 200 <= HANDLERS[route.function](event, None)["statusCode"] < 500


def test_every_route_is_tried() -> None:
    assert {route.function for route in ROUTES} == set(HANDLERS)
