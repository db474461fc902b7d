"""Only what was signed with the app secret is taken for WhatsApp's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.adapters.whatsapp.signature import is_valid, sign

SECRET = "of this test"
RAW = b'{"object":"whatsapp_business_account"}'
EXPECTED = "sha256=abb8476ed746ada5e5ae4447ec232848865014670a1294ac177134c04b3e2b64"


def test_signature_equals_the_one_of_openssl() -> None:
    # computed with: printf '%s' "$RAW" | openssl dgst -sha256 -hmac "of this test"
    assert sign(RAW, SECRET) == EXPECTED


@given(st.binary(max_size=200), st.text(min_size=1, max_size=40))
def test_signed_bytes_are_valid(raw: bytes, secret: str) -> None:
    assert is_valid(raw, sign(raw, secret), secret)


@given(st.binary(max_size=80), st.binary(max_size=80))
def test_other_bytes_or_another_secret_are_invalid(raw: bytes, other: bytes) -> None:
    assert is_valid(other, sign(raw, SECRET), SECRET) is (raw == other)
    assert not is_valid(raw, sign(raw, "another secret"), SECRET)


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha1=abc",
        sign(RAW, SECRET)[7:],
        sign(RAW, SECRET).upper(),
        sign(RAW, SECRET)[:-1],
        "sha256=ü",
    ],
)
def test_damaged_header_is_invalid(header: str | None) -> None:
    assert not is_valid(RAW, header, SECRET)


def test_nothing_is_valid_without_a_secret() -> None:
    assert not is_valid(RAW, sign(RAW, ""), "")
