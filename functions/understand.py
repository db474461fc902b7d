"""Claims a message and decides what it asks for, from everything we know already."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.handle_message import IncomingMessage


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "run", "sent_at": ms, "looked_up", "min_wal", "understood", …}` -> `{"next": NextStep, "plan", …}`.

    Called once more after a look-up of students at the school, with `looked_up` and `min_wal`; and after the model has
    understood a wish in the words, with `understood`.
    """
    incoming = IncomingMessage.parse(event)
    return dependencies.message_handler().handle(incoming).as_json()


initialize(
    dependencies.message_handler,
    lambda: dependencies.redis().prewarm(),
    lambda: dependencies.message_history().prewarm(),
)
