"""OpenAI's Responses API. The SDK is imported on first use: it costs half a second and most messages need no model."""

import time
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

from functions.adapters import observe, secret_store
from functions.domain.errors import AnswerUnavailable

if TYPE_CHECKING:
    from openai import OpenAI
    from openai.types.responses import Response

TIMEOUT = 8.0  # seconds a try; the SDK's own default is 600
TRIES = 2  # at once: the SDK's own retries wait as long as a 429 says, up to a minute
MOST_TOKENS = 600  # of output, reasoning included


@dataclass(frozen=True)
class Model:
    """A model at an OpenAI-compatible API; `key_name` names the key's secret."""

    url: str
    key_name: str
    name: str

    def ready(self) -> None:
        """The SDK is loaded, the client made, and the part of it that answers imported."""
        _ = _client(self.url, secret_store.secret(self.key_name)).responses

    def answer(self, instructions: str, content: str) -> str:
        """The model's answer as text; raises AnswerUnavailable when there is none in time, or it was cut off.

        Nothing is stored at OpenAI. The instructions are the same for everyone on one day: cached there.
        """
        started = time.monotonic()
        try:
            response = self._ask(instructions, content)
        finally:
            observe.took("OpenAiTime", time.monotonic() - started)
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
                return _client(self.url, secret_store.secret(self.key_name)).responses.create(
                    model=self.name,
                    instructions=instructions,
                    input=content,
                    max_output_tokens=MOST_TOKENS,
                    prompt_cache_key="school-knowledge",
                    store=False,
                )
            except OpenAIError as error:
                status = error.status_code if isinstance(error, APIStatusError) else 0
                if isinstance(error, AuthenticationError):
                    secret_store.forget(self.key_name)  # it may have been rotated
                if attempt < TRIES and (status in (0, 401) or status >= 429):
                    continue
                observe.count("OpenAiFailures")
                observe.log().warning("OpenAI unavailable", error=type(error).__name__, status=status)
                raise AnswerUnavailable(type(error).__name__) from None
        raise AnswerUnavailable("not tried")


@cache
def _client(url: str, key: str) -> "OpenAI":
    from openai import OpenAI

    return OpenAI(api_key=key, base_url=url, timeout=TIMEOUT, max_retries=0)
