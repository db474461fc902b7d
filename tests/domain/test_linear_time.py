"""No text keeps the rules busy for longer than its length allows: steps and growth are compared, never seconds."""

import importlib
import pkgutil
import re
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import FrameType
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

import functions
from functions.adapters.phrases_config import phrases
from functions.domain.intents import is_consent_change, is_personal, read_tap, recognise
from functions.domain.words import tokens
from tests.domain.a_school import FAMILY, SCHOOL, TODAY

SIZES = (200, 400, 800)  # repetitions
PIECES = [
    *(
        "thank you ",
        "thanks ",
        "goodbye ",
        "hello ",
        "good morning ",
        "please ",
        "i want to ",
        "my ",
        "how much ",
        "a ",
    ),
    *(
        "can i have ",
        "what is my ",
        "talk to the ",
        "stop sending me ",
        "term ",
        "term 2 of ",
        "2026 ",
        "2026-",
        "last ",
    ),
    *(
        "Tariro ",
        "Tariro and ",
        "ya",
        "yaTariro ",
        "SSC",
        "SSC ",
        "ssc1 ",
        "1 ",
        "9",
        "no ",
        "and ",
        "balance ",
        "balnce ",
    ),
    *(
        "statemnt ",
        "gate ",
        "aa",
        "balanceee",
        "\u0301",
        "\u200b",
        "e\u0301",
        "’",
        "-",
        "- ",
        "@",
        "a@",
        "?",
        "👍",
        "余",
        " ",
    ),
]


def steps(task: Callable[[], object]) -> int:
    """Lines of our own code that run."""
    count = 0

    def trace(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal count
        if "/functions/" not in frame.f_code.co_filename:
            return None
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        task()
    finally:
        sys.settrace(before)
    return count


def understand(text: str) -> None:
    """Everything that is done with a typed text."""
    recognise(
        text,
        registered=True,
        students=FAMILY,
        calendar=SCHOOL.calendar,
        prefix="SSC",
        today=TODAY,
        phrases=phrases(),
    )
    is_consent_change(text, None, phrases())
    is_personal(text, FAMILY, phrases())
    read_tap(text)


@pytest.fixture(autouse=True, scope="module")
def _loaded() -> None:
    understand("balnce")  # what is made on first use


@settings(max_examples=60, derandomize=True)
@given(
    st.lists(st.sampled_from(PIECES), min_size=1, max_size=3).map("".join), st.sampled_from(["", "x", "?", "balance"])
)
def test_steps_grow_no_faster_than_the_text(piece: str, end: str) -> None:
    counts = [steps(lambda size=size: understand(piece * (size // len(piece) + 1) + end)) for size in SIZES]  # type: ignore[misc]
    fewest = max(counts[0], 2000)
    assert counts[1] <= 2.6 * fewest, (piece, counts)
    assert counts[2] <= 5.2 * fewest, (piece, counts)


@pytest.mark.parametrize(
    "piece", ["thank you ", "goodbye ", "balnce ", "i want to ", "term 2 of 2025 ", "yaTariro ", "9"]
)
def test_a_message_as_long_as_whatsapp_allows_is_a_bounded_number_of_steps(piece: str) -> None:
    longest = steps(lambda: understand(piece * (4096 // len(piece)) + "x"))
    assert longest < 400_000
    assert steps(lambda: understand(piece * 100_000)) <= longest * 1.1  # what is longer is not looked at


@given(st.text(max_size=400))
def test_a_text_has_no_more_words_than_signs(text: str) -> None:
    assert sum(map(len, tokens(text))) <= 18 * len(text)  # one sign may stand for 18: ﷺ


# --- every pattern that is left


def patterns() -> dict[str, re.Pattern[str]]:
    """Every compiled pattern of the domain, the services and the adapters, by its name."""
    found = {}
    packages = [importlib.import_module(f"functions.{name}") for name in ("domain", "services", "adapters")]
    modules = [
        module for package in packages for module in pkgutil.walk_packages(package.__path__, f"{package.__name__}.")
    ]
    for module in modules:
        loaded = importlib.import_module(module.name)
        for name, value in vars(loaded).items():
            values = value if isinstance(value, (list, tuple)) else [value]
            for place, item in enumerate(values):
                if isinstance(item, re.Pattern) and isinstance(item.pattern, str):
                    found[f"{loaded.__name__}.{name}[{place}]"] = item
    return found


PATTERNS = patterns()


def duration(pattern: re.Pattern[str], text: str) -> float:
    """CPU seconds of the shortest of some searches."""
    found = []
    for _ in range(5):
        start = time.thread_time()
        pattern.search(text)
        found.append(time.thread_time() - start)
    return min(found)


def test_the_patterns_are_found_and_no_handler_has_one() -> None:
    assert len(PATTERNS) >= 5
    handlers = Path(functions.__path__[0]).glob("*.py")
    assert [path.name for path in handlers if "re.compile" in path.read_text("utf-8")] == []
    assert any(name.startswith("functions.domain.words.") for name in PATTERNS)


@pytest.mark.parametrize("name", PATTERNS)
@settings(max_examples=25, derandomize=True, suppress_health_check=list(HealthCheck), phases=[Phase.generate])
@given(data=st.data())
def test_a_pattern_takes_no_more_than_its_text(name: str, data: st.DataObject) -> None:
    """A match, with a piece of it repeated, and an end that does not match."""
    pattern = PATTERNS[name]
    match = data.draw(st.from_regex(pattern, alphabet=st.characters(min_codepoint=32, max_codepoint=126)))[:60]
    first = data.draw(st.integers(0, len(match)))
    last = data.draw(st.integers(first, min(len(match), first + 12)))
    piece, end = match[first:last] or " ", data.draw(st.sampled_from(["", "\x00", "x", "!", "\n\n"]))
    # Small first: a pattern that tries every way takes for ever on the large ones.
    for size in (25, 400, 1600):
        small = max(duration(pattern, match[:first] + piece * (size // 4) + end), 2e-5)
        assert duration(pattern, match[:first] + piece * size + end) <= 10 * small, (piece, size)
