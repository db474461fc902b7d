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
def test_statuses_in_any_order_end_in_read(order: tuple[str, ...]) -> None:
    assert after(*order) == "read"


@given(st.lists(st.sampled_from(NEWS), max_size=12))
def test_message_that_was_seen_stays_seen(news: list[str]) -> None:
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
def test_state_only_moves_forward(known: str | None, news: str, state: str | None) -> None:
    assert advance(known, news) == state


@pytest.mark.parametrize(
    ("emoji", "rating"),
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
def test_reaction_is_a_rating_up_or_down_or_none(emoji: str | None, rating: str | None) -> None:
    assert rating_of(emoji) == rating
