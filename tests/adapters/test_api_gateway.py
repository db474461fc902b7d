"""Requests of an API Gateway HTTP API as values, and responses in its form."""

import base64

from functions.adapters.api_gateway import Request, response


def test_request_is_read_with_lower_case_headers_and_the_bytes_on_the_wire() -> None:
    request = Request.of(
        {
            "requestContext": {"http": {"method": "POST"}},
            "rawPath": "/webhook/whatsapp",
            "queryStringParameters": {"a": "1"},
            "pathParameters": {"token": "t"},
            "headers": {"X-Hub-Signature-256": "sha256=abc"},
            "body": "Zoë",
        }
    )
    assert (request.method, request.path, request.body) == ("POST", "/webhook/whatsapp", "Zoë".encode())
    assert (request.query, request.parameters) == ({"a": "1"}, {"token": "t"})
    assert request.headers == {"x-hub-signature-256": "sha256=abc"}


def test_encoded_body_is_decoded() -> None:
    body = base64.b64encode(b"\xff\x00").decode()
    event = {"requestContext": {"http": {"method": "POST"}}, "body": body, "isBase64Encoded": True}
    assert Request.of(event).body == b"\xff\x00"


def test_missing_parts_are_empty() -> None:
    request = Request.of({"requestContext": {"http": {"method": "GET"}}})
    assert request == Request("GET", "/", {}, {}, {}, b"")


def test_body_is_not_in_the_text_of_a_request() -> None:
    event = {"requestContext": {"http": {"method": "POST"}}, "body": "my daughter is ill"}
    assert "daughter" not in repr(Request.of(event))


def test_response_has_a_content_type() -> None:
    assert response(200) == {"statusCode": 200, "headers": {"content-type": "text/plain"}, "body": ""}
    found = response(401, "{}", {"Content-Type": "application/json", "Cache-Control": "no-store"})
    assert found["headers"] == {"content-type": "application/json", "cache-control": "no-store"}
