"""A voice note put into words, whatever WhatsApp, OpenAI or the recording do."""

import hashlib
from collections.abc import Iterator
from typing import Any

import pytest

from functions import dependencies, transcribe
from functions.domain import voice_notes
from local.samples import SAID
from tests.conftest import OutsideWorld
from tests.domain.test_voice_notes import NOTE, lasting

pytestmark = pytest.mark.usefixtures("world", "secrets")


@pytest.fixture(autouse=True)
def model(secrets: object) -> Iterator[None]:
    """The client of the model, whose connections end with the test."""
    found = dependencies.transcription_model()
    yield
    for client in found._clients.values():
        client.close()


def place(world: OutsideWorld, content: bytes = NOTE, mime_type: str = "audio/ogg", said: str = SAID) -> str:
    """A file that a parent has sent; its id."""
    world.page("PUT", f"/recordings/{hashlib.sha256(content).hexdigest()}", {"text": said})
    return world.simulated.graph.receive(content, mime_type)


def read(media_id: str | None) -> dict[str, Any]:
    message = {"id": "wamid.1", "type": "audio", "is_voice": True, "phone": "+263772100001", "media_id": media_id}
    return transcribe.handler({"message": message}, None)


def test_a_recording_is_fetched_and_put_into_words(world: OutsideWorld) -> None:
    assert read(place(world)) == {"text": SAID, "problem": None}
    assert [call["operation"] for call in world.calls("graph")] == ["media", "download"]
    assert len(world.calls("openai", "transcriptions")) == 1


def test_a_recording_of_more_than_two_minutes_is_not_sent_to_openai(world: OutsideWorld) -> None:
    assert read(place(world, lasting(121))) == {"text": None, "problem": "voice_too_long"}
    assert world.calls("openai") == []


def test_a_file_that_is_too_large_is_not_even_fetched(world: OutsideWorld) -> None:
    large = NOTE + bytes(voice_notes.MOST_BYTES)
    assert read(place(world, large))["problem"] == "voice_too_long"
    assert world.calls("graph", "download") == []


@pytest.mark.parametrize(
    ("content", "mime_type"), [(b"ID3 some music", "audio/mpeg"), (b"OggS, not Opus", "audio/ogg")]
)
def test_what_is_no_voice_note_is_not_sent_to_openai(world: OutsideWorld, content: bytes, mime_type: str) -> None:
    assert read(place(world, content, mime_type))["problem"] == "voice_unreadable"
    assert world.calls("openai") == []


@pytest.mark.parametrize("media_id", [None, "", "1234567890", "../v26.0/me", "1?x=1"])
def test_a_file_that_is_not_there_is_unreadable(media_id: str | None) -> None:
    assert read(media_id)["problem"] == "voice_unreadable"


def test_a_recording_without_words_is_unreadable(world: OutsideWorld) -> None:
    assert read(place(world, said="  "))["problem"] == "voice_unreadable"


@pytest.mark.parametrize(
    ("service", "operation"), [("graph", "media"), ("graph", "download"), ("openai", "transcriptions")]
)
@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "close"}])
def test_each_call_has_one_retry_and_then_a_line_that_helps(
    world: OutsideWorld, service: str, operation: str, fault: dict[str, Any]
) -> None:
    name = place(world)
    world.fails(service, operation=operation, times=1, **fault)
    assert read(name)["text"] == SAID
    world.page("DELETE", "/faults")
    world.page("DELETE", "/calls")
    world.fails(service, operation=operation, **fault)
    assert read(name) == {"text": None, "problem": "voice_unavailable"}
    assert len(world.calls(service, operation)) == 2


def test_a_page_of_a_proxy_is_no_transcript(world: OutsideWorld) -> None:
    world.fails("openai", operation="transcriptions", kind="html")
    assert read(place(world))["problem"] in ("voice_unavailable", "voice_unreadable")


def test_another_file_than_announced_is_not_used(world: OutsideWorld, environment: pytest.MonkeyPatch) -> None:
    name = place(world)
    media = world.simulated.graph.media[name]
    link = world.simulated.graph._link
    other = hashlib.sha256(b"another").hexdigest()
    environment.setattr(world.simulated.graph, "_link", lambda _: _changed(link(media), media.content, other))
    assert read(name)["problem"] == "voice_unavailable"


def _changed(response: Any, content: bytes, digest: str) -> Any:
    body = response.body.replace(hashlib.sha256(content).hexdigest().encode(), digest.encode())
    return type(response)(response.status, body, response.content_type)
