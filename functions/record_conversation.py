"""After the parent has the reply: caches what was fetched, writes the message log, marks the message done."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.record_conversation import Conversation


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "person", "plan", "account", "fetched", "answer", …}` -> `{"cached", "logged"}`.

    Raises DataUnavailable when neither store could be written.
    """
    return {**dependencies.conversation_recorder().record(Conversation.parse(event))}


initialize(
    dependencies.conversation_recorder, lambda: dependencies.redis().prewarm(), lambda: dependencies.primary().prewarm()
)
