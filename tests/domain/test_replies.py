"""Long texts are cut between words, and nothing is lost."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.replies import (
    Buttons,
    Choice,
    Document,
    Menu,
    NumberRequest,
    Text,
    length,
    shorten,
    split,
    words_of,
)

PROSE = st.lists(
    st.sampled_from(["fee", "Tuition $400.00", "a", "\n", "\n\n", "x" * 70, " ", "ünï", "👩‍👧"]), max_size=80
)


@given(st.text(max_size=400) | PROSE.map(" ".join), st.integers(min_value=2, max_value=60))
def test_split_text_loses_nothing_and_every_part_fits(text: str, limit: int) -> None:
    parts = split(text, limit)
    assert all(0 < length(part) <= limit for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


@given(st.lists(st.text("abcdefghij", min_size=1, max_size=12), min_size=1, max_size=60))
def test_words_stay_whole_where_they_can(words: list[str]) -> None:
    assert " ".join(split(" ".join(words), 30)).split() == words


def test_a_cut_is_made_between_paragraphs_first() -> None:
    first, second = "word " * 12, "other " * 9
    assert split(f"{first.strip()}\n\n{second.strip()}", 80) == [first.strip(), second.strip()]


def test_what_fits_is_left_alone() -> None:
    assert split("as it is") == ["as it is"]
    assert split("x" * 4096) == ["x" * 4096]
    assert split("") == []


def test_an_emoji_counts_twice_as_meta_counts() -> None:
    assert (length("a👍é"), length("")) == (4, 0)
    assert shorten("👍👍👍", 5) == "👍👍…"


@given(st.text(max_size=60), st.integers(min_value=2, max_value=40))
def test_shortened_title_fits(text: str, limit: int) -> None:
    found = shorten(text, limit)
    assert length(found) <= limit
    assert found == text if length(text) <= limit else found.endswith("…")


CHOICES = (Choice("a", "1. Balance"), Choice("b", "2. Statement"))


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Text("hi"), "hi"),
        (NumberRequest("your number?"), "your number?"),
        (Buttons("which?", (Choice("c", "Tariro"), Choice("d", "Menu"))), "which?\n\n• Tariro\n• Menu"),
        (Menu("hello", "Open", CHOICES), "hello\n\n1. Balance\n2. Statement"),
        (Buttons("answer", (Choice("e", "👍"), Choice("f", "👎"))), "answer"),
        (Document("a.pdf", "caption", instead="everything"), "everything"),
    ],
)
def test_plain_words_of_a_reply_name_the_choices(reply: object, words: str) -> None:
    assert words_of(reply) == words  # type: ignore[arg-type]
