"""Each target over its corpus and over changes of it; `make fuzz` runs the same targets under atheris for longer."""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.fuzz.__main__ import NAMES
from tests.fuzz.seeds import CORPUS, seeds
from tests.fuzz.targets import TARGETS

every_target = pytest.mark.parametrize("name", TARGETS)
JSON_TARGETS = ("webhook", "model_reply", "school_api", "payment_event", "graphql")
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(max_size=40)
    | st.sampled_from(["", "0", "-1", "1e999", "NaN", "\x00", "\ud800", "263772100005", "2026-04-30T22:30:00Z"])
)
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4)
)


def paths(value: Any, before: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in a JSON value."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [before, *(path for key, item in inside for path in paths(item, (*before, key)))]


def changed(value: Any, path: tuple[Any, ...], new: Any) -> Any:
    """The value with another one at that place."""
    if not path:
        return new
    key, *rest = path
    copy = dict(value) if isinstance(value, dict) else list(value)
    copy[key] = changed(copy[key], tuple(rest), new)
    return copy


@st.composite
def changed_seeds(draw: st.DrawFn, name: str) -> bytes:
    """A seed with up to three of its values replaced."""
    value = json.loads(draw(st.sampled_from(seeds(name))).read_bytes())
    for _ in range(draw(st.integers(1, 3))):
        value = changed(value, draw(st.sampled_from(paths(value))), draw(VALUES))
    return json.dumps(value).encode()


def test_the_corpus_is_small_and_of_known_targets() -> None:
    assert {path.name for path in CORPUS.iterdir()} == set(TARGETS) == set(NAMES)
    files = [path for path in CORPUS.rglob("*") if path.is_file()]
    assert len(files) < 100
    assert sum(path.stat().st_size for path in files) < 100_000


@pytest.mark.parametrize("path", [path for name in TARGETS for path in seeds(name)], ids=lambda path: path.stem)
def test_a_seed_is_harmless(path: Path) -> None:
    for name in TARGETS:
        if path in seeds(name):
            TARGETS[name](path.read_bytes())


@every_target
@settings(max_examples=50)
@given(data=st.data())
def test_any_bytes_are_harmless(name: str, data: st.DataObject) -> None:
    seed = data.draw(st.sampled_from(seeds(name))).read_bytes()
    place = data.draw(st.integers(0, len(seed)))
    length = data.draw(st.integers(0, 20))
    TARGETS[name](seed[:place] + data.draw(st.binary(max_size=60)) + seed[place + length :])


@pytest.mark.parametrize("name", JSON_TARGETS)
@settings(max_examples=50)
@given(data=st.data())
def test_a_seed_with_other_values_is_harmless(name: str, data: st.DataObject) -> None:
    TARGETS[name](data.draw(changed_seeds(name)))


@pytest.mark.parametrize("name", ["intents", "pass_page", "model_reply"])
def test_steps_grow_no_faster_than_the_input(name: str) -> None:
    for path in seeds(name):
        for piece in (path.read_bytes(), path.read_bytes()[:7] or b" "):
            first, second = (steps(TARGETS[name], piece * times) for times in (20, 40))
            assert second <= 2.6 * first + 2000, path


def steps(target: Callable[[bytes], None], raw: bytes) -> int:
    """Lines of Python that it takes."""
    count = 0

    def trace(frame: FrameType, event: str, _: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        target(raw)
    finally:
        sys.settrace(before)
    return count
