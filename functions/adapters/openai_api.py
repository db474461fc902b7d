"""OpenAI's Responses API. The SDK is imported on first use: it costs half a second and most messages need no model."""

import time
from typing import TYPE_CHECKING

from functions.adapters import observability
from functions.adapters.secret_store import SecretStore
from functions.domain.errors import AnswerUnavailable

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.responses import Response

TIMEOUT = 8.0  # seconds a try; the SDK's own default is 600
TRIES = 2  # at once: the SDK's own retries wait as long as a 429 says, up to a minute
MOST_TOKENS = 600  # of output, reasoning included


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
        """Load the SDK, make the client, and import the part of it that answers."""
        _ = self._client().responses

    def answer(self, instructions: str, content: str) -> str:
        """The model's answer as text; raises AnswerUnavailable when there is none in time, or it was cut off.

        Nothing is stored at OpenAI. The instructions are the same for everyone on one day: cached there.
        """
        started = time.monotonic()
        try:
            response = self._ask(instructions, content)
        finally:
            observability.record_duration("OpenAiTime", time.monotonic() - started)
        try:
            status, text = response.status, response.output_text
        except (AttributeError, TypeError):  # the SDK checks no shapes: a proxy's page comes through as a text
            raise AnswerUnavailable("not an answer of the Responses API") from None
        if status != "completed":
            raise AnswerUnavailable(f"response {status}")
        return text.strip()

    def _ask(self, instructions: str, content: str) -> "Response":
        from openai import APIStatusError, AuthenticationError, OpenAIError

        for attempt in range(1, TRIES + 1):
            try:
                return self._client().responses.create(
                    model=self._name,
                    instructions=instructions,
                    input=content,
                    max_output_tokens=MOST_TOKENS,
                    prompt_cache_key="school-knowledge",
                    store=False,
                )
            except OpenAIError as error:
                status = error.status_code if isinstance(error, APIStatusError) else 0
                if isinstance(error, AuthenticationError):
                    self._secrets.expire(self._key_name)  # it may have been rotated
                if attempt < TRIES and (status in (0, 401) or status >= 429):
                    continue
                observability.count("OpenAiFailures")
                observability.logger().warning("OpenAI unavailable", error=type(error).__name__, status=status)
                raise AnswerUnavailable(type(error).__name__) from None
        raise AnswerUnavailable("not tried")

    def _client(self) -> "OpenAI":
        from openai import OpenAI

        key = self._secrets.get(self._key_name)
        if key not in self._clients:
            self._clients[key] = OpenAI(api_key=key, base_url=self._url, timeout=TIMEOUT, max_retries=0)
        return self._clients[key]
