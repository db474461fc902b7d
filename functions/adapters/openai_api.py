"""OpenAI's API: the Responses call and transcription."""

import queue
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from openai import APIStatusError, AuthenticationError, OpenAI, OpenAIError
from openai.resources.responses import Responses  # noqa: F401 - the client would import it in its first call
from openai.types.responses import Response

from functions.adapters import observability
from functions.adapters.secret_store import SecretStore
from functions.domain.errors import AnswerUnavailable, InvalidModelReply

TIMEOUT = 8.0  # seconds a try; the SDK's own default is 600
BUDGET = 12.0  # seconds for all tries and pauses together
LEAST = 0.5  # seconds: with less left no further try is made
TRIES = 2  # at once: the SDK's own retries wait as long as a 429 says, up to a minute
MOST_TOKENS = 800  # of output, reasoning and the frame of a structured reply included
CACHE_KEY = "school-knowledge"
QUOTA = "insufficient_quota"  # 429 as well, but another try is refused too

Result = TypeVar("Result")


class _OutOfTime(Exception):
    """A call has not ended within its bound."""


@dataclass(frozen=True)
class ModelOutput:
    """What a completed response says, and what it took."""

    text: str
    prompt_tokens: int = 0
    cached_tokens: int = 0  # of the prompt, at the provider


class LanguageModel:
    """A model at an OpenAI-compatible API."""

    def __init__(self, secrets: SecretStore, url: str, key_name: str, name: str) -> None:
        """`key_name` names the secret of the API key; `name` is the model's."""
        self._secrets = secrets
        self._url = url
        self._key_name = key_name
        self._name = name
        self._clients: dict[str, OpenAI] = {}  # by key, which may be rotated

    def prewarm(self) -> None:
        """Fetch the key and make the client."""
        self._client()

    def understand(
        self, instructions: str, content: str, text_format: Mapping[str, Any], budget: float = BUDGET
    ) -> ModelOutput:
        """The model's reply in the given format (`model_contract.text_format`), not yet checked against the contract.

        Ends within `budget` seconds whatever the server does. Raises AnswerUnavailable without an answer, and its
        subclass InvalidModelReply for one that is refused, cut off, filtered or empty.

        Nothing is stored at OpenAI. The instructions are the same for everyone on one day: cached there.
        """
        request: dict[str, Any] = {
            "model": self._name,
            "instructions": instructions,
            "input": content,
            "text": dict(text_format),
            "max_output_tokens": MOST_TOKENS,
            "prompt_cache_key": CACHE_KEY,
            "store": False,
        }
        started = time.monotonic()
        try:
            response = self._ask(partial(_create, request), started + budget)
        finally:
            observability.record_duration("OpenAiTime", time.monotonic() - started)
        output = _read(response)
        observability.count("PromptTokens", output.prompt_tokens)
        observability.count("CachedPromptTokens", output.cached_tokens)
        return output

    def transcribe(self, recording: bytes, filename: str, budget: float = BUDGET) -> str:
        """What is said in a recording; "" where nothing is. Its name tells the format.

        Ends within `budget` seconds whatever the server does. Raises AnswerUnavailable.
        """
        started = time.monotonic()
        try:
            found = self._ask(partial(_transcribe, self._name, recording, filename), started + budget)
        finally:
            observability.record_duration("TranscriptionTime", time.monotonic() - started)
        text = getattr(found, "text", None)
        if not isinstance(text, str):  # the SDK checks no shapes
            raise AnswerUnavailable("not a transcription")
        return text

    def _ask(self, call: Callable[[OpenAI, float], Result], deadline: float) -> Result:
        """What the call returns, tried again within the time; it gets the client and the seconds of its try."""
        for attempt in range(1, TRIES + 1):
            seconds = min(TIMEOUT, deadline - time.monotonic())
            try:
                return _within(seconds, partial(call, self._client(), seconds))
            except (OpenAIError, _OutOfTime) as error:
                refused = error if isinstance(error, APIStatusError) else None
                if isinstance(error, AuthenticationError):
                    self._secrets.expire(self._key_name)  # it may have been rotated
                if isinstance(error, _OutOfTime):
                    self._clients.clear()  # the abandoned call holds a connection of the old client
                left = deadline - time.monotonic()
                pause = _pause(refused) if attempt < TRIES and _is_passing(refused) else None
                if pause is not None and left - pause >= LEAST:
                    if pause:
                        time.sleep(pause)
                    continue
                observability.count("OpenAiFailures")
                observability.logger().warning(
                    "OpenAI unavailable",
                    error=type(error).__name__,
                    status=refused.status_code if refused else 0,
                    code=refused.code if refused else None,
                )
                raise AnswerUnavailable(type(error).__name__) from None
        raise AnswerUnavailable("not tried")

    def _client(self) -> OpenAI:
        key = self._secrets.get(self._key_name)
        if key not in self._clients:
            self._clients[key] = OpenAI(api_key=key, base_url=self._url, timeout=TIMEOUT, max_retries=0)
        return self._clients[key]


def _create(request: dict[str, Any], client: OpenAI, seconds: float) -> Response:
    response: Response = client.responses.create(**request, timeout=seconds)
    return response


def _transcribe(name: str, recording: bytes, filename: str, client: OpenAI, seconds: float) -> object:
    return client.audio.transcriptions.create(model=name, file=(filename, recording), timeout=seconds)


def _within(seconds: float, call: Callable[[], Result]) -> Result:
    """The result of a call, or _OutOfTime.

    The SDK's timeout counts each read: a server that sends a byte now and then would hold it for ever. The thread of
    an abandoned call ends by itself with the first read that takes too long.
    """
    done: queue.SimpleQueue[tuple[Result | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            done.put((call(), None))
        except BaseException as error:  # whatever it is, the caller raises it
            done.put((None, error))

    threading.Thread(target=run, name="OpenAI call", daemon=True).start()
    try:
        result, error = done.get(timeout=max(seconds, 0.01))
    except queue.Empty:
        raise _OutOfTime from None
    if error is not None:
        raise error
    return result  # type: ignore[return-value]


def _is_passing(error: APIStatusError | None) -> bool:
    """Whether another try may succeed: no connection, an expired key, too many requests, a failing server."""
    if error is None:
        return True
    return (error.status_code == 401 or error.status_code >= 429) and error.code != QUOTA


def _pause(error: APIStatusError | None) -> float:
    """Seconds that the server asks us to wait before the next try."""
    try:
        return max(float(error.response.headers.get("retry-after", "0")), 0.0) if error else 0.0
    except ValueError:
        return 0.0  # a date: for a proxy's maintenance, not for us


def _read(response: Any) -> ModelOutput:
    """The text of a completed response; InvalidModelReply for one that is not, or that refuses."""
    try:
        status, text, output = response.status, response.output_text, response.output
    except (AttributeError, TypeError):  # the SDK checks no shapes: a proxy's page comes through as a text
        raise AnswerUnavailable("not an answer of the Responses API") from None
    if status != "completed":
        details = getattr(response, "incomplete_details", None)
        raise InvalidModelReply(f"response {status}: {getattr(details, 'reason', None) or 'no reason given'}")
    parts = [part for item in output for part in getattr(item, "content", None) or ()]
    if any(getattr(part, "type", "") == "refusal" for part in parts):
        raise InvalidModelReply("refused")
    if not text.strip():
        raise InvalidModelReply("empty")
    usage = getattr(response, "usage", None)
    details = getattr(usage, "input_tokens_details", None)
    return ModelOutput(text.strip(), getattr(usage, "input_tokens", 0) or 0, getattr(details, "cached_tokens", 0) or 0)
