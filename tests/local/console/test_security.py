"""Requests from elsewhere are refused."""

import pytest
from starlette.datastructures import Headers

from local.console.security import refusal


@pytest.mark.parametrize("host", ["127.0.0.1:8080", "localhost:8080", "127.0.0.1"])
def test_this_machine_is_served(host: str) -> None:
    assert refusal("GET", Headers({"host": host})) is None


@pytest.mark.parametrize("host", ["", "evil.example", "127.0.0.1.evil.example:8080", "192.168.1.5:8080"])
def test_another_host_name_is_refused(host: str) -> None:
    assert refusal("GET", Headers({"host": host}))


def test_a_form_of_another_page_is_refused() -> None:
    host = {"host": "127.0.0.1:8080"}
    assert refusal("POST", Headers({**host, "sec-fetch-site": "cross-site"}))
    assert refusal("POST", Headers({**host, "origin": "https://evil.example"}))
    assert refusal("POST", Headers({**host, "origin": "http://127.0.0.1:9999"}))
    assert (
        refusal("POST", Headers({**host, "origin": "http://127.0.0.1:8080", "sec-fetch-site": "same-origin"})) is None
    )
    assert refusal("POST", Headers(host)) is None  # curl
