"""Payloads are readable by the release before and after: the one that is deployed and the one that is to be."""

import json
from typing import Any

import pytest

from functions.domain.intents import read_tap
from tests.releases.payloads import PAYLOADS, Payload, recorded, written

RECORDED: dict[str, list[Any]] = json.loads(recorded().read_text())
every_kind = pytest.mark.parametrize("payload", PAYLOADS, ids=lambda payload: payload.kind)


def misses(before: Any, after: Any, where: str = "") -> list[str]:
    """What a reader of `before` would not find in `after`; fields that are new do not matter."""
    if isinstance(before, dict) and isinstance(after, dict):
        kept = [name for name in before if name in after]
        gone = [f"{where}.{name}: gone" for name in before if name not in after]
        return gone + [it for name in kept for it in misses(before[name], after[name], f"{where}.{name}")]
    if isinstance(before, list) and isinstance(after, list) and len(before) == len(after):
        both = enumerate(zip(before, after, strict=True))
        return [it for place, (old, new) in both for it in misses(old, new, f"{where}[{place}]")]
    return [] if before == after else [f"{where}: {before!r} became {after!r}"]


@every_kind
def test_what_the_release_before_wrote_is_read_whole(payload: Payload) -> None:
    read = [payload.read(value) for value in RECORDED.get(payload.kind, [])]
    assert read == list(payload.examples)[: len(read)]


@every_kind
def test_what_this_release_writes_has_all_that_the_release_before_reads(payload: Payload) -> None:
    before = RECORDED.get(payload.kind, [])
    assert misses(before, written()[payload.kind][: len(before)]) == []


def test_nothing_that_was_recorded_is_forgotten() -> None:
    assert RECORDED.keys() <= {item.kind for item in PAYLOADS}


@pytest.mark.parametrize("tap", ["v1:balance:SSC20250001:2026-3", "v1:menu", "v1:office"])
def test_buttons_of_old_messages_are_understood(tap: str) -> None:
    assert read_tap(tap) is not None


@pytest.mark.parametrize(
    ("after", "found"),
    [
        ({"id": "1", "new": True}, []),
        ({"id": 1}, [".id: '1' became 1"]),
        ({}, [".id: gone"]),
    ],
)
def test_a_field_that_is_gone_or_changed_is_found(after: dict[str, Any], found: list[str]) -> None:
    assert misses({"id": "1"}, after) == found
