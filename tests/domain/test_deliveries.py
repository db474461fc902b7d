"""Statuses arrive late, twice and out of order; what is known only moves forward."""

from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.deliveries import SEEN, advance, rating_of

NEWS = ["sent", "delivered", "read", "failed", "played", "deleted", "warning"]


def after(*news: str) -> str | None:
    state: str | None = None
    for item in news:
        state = advance(state, item)
    return state


@pytest.mark.parametrize("order", list(permutations(["sent", "delivered", "read"])), ids=" ".join)
def test_any_order_ends_in_read(order: tuple[str, ...]) -> None:
    assert after(*order) == "read"


@given(st.lists(st.sampled_from(NEWS), max_size=12))
def test_a_message_that_was_seen_stays_seen(news: list[str]) -> None:
    state: str | None = None
    for item in news:
        earlier, state = state, advance(state, item)
        assert advance(state, item) == state  # twice changes nothing
        if earlier in SEEN:
            assert state in SEEN


@pytest.mark.parametrize(
    ("known", "news", "state"),
    [
        (None, "sent", "sent"),
        ("sent", "failed", "failed"),
        ("delivered", "failed", "delivered"),
        ("read", "failed", "read"),
        ("failed", "sent", "failed"),
        ("failed", "delivered", "failed"),
        ("read", "played", "read"),
        (None, "deleted", None),
        ("sent", "something_of_2027", "sent"),
    ],
)
def test_news(known: str | None, news: str, state: str | None) -> None:
    assert advance(known, news) == state


@pytest.mark.parametrize(
    ("emoji", "said"),
    [
        ("👍", "up"),
        ("👍🏾", "up"),
        ("❤️", "up"),
        ("🙏🏽", "up"),
        ("👎", "down"),
        ("👎🏿", "down"),
        ("😡", "down"),
        ("😂", None),
        ("x", None),
        ("", None),
        (None, None),
    ],
)
def test_what_a_reaction_says(emoji: str | None, said: str | None) -> None:
    assert verdict(emoji) == said
