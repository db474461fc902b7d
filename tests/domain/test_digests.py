"""What stands for a message id in logs."""

from hypothesis import given
from hypothesis import strategies as st

from functions.domain.digests import LENGTH, digest

WAMID = "wamid.HBgMMjYzNzcxMjM0NTY3FQIAEhgUM0EwMDAwMDAwMDAwMDAwMDAwMDEA"  # of +263 77 123 4567


def test_a_digest_equals_the_one_of_openssl() -> None:
    # computed with: printf %s "$WAMID" | openssl dgst -sha256 -hmac "of this test" | sed 's/.* //' | cut -c1-16
    assert digest(WAMID, "of this test") == "e1a1e239eaa0c22d"


def test_another_key_gives_another_digest() -> None:
    assert digest(WAMID, "one") != digest(WAMID, "another")


@given(st.text(), st.text(max_size=20))
def test_any_id_has_a_digest_of_one_length(message_id: str, key: str) -> None:
    found = digest(message_id, key)
    assert len(found) == LENGTH
    assert set(found) <= set("0123456789abcdef")
