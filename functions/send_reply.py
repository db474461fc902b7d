"""Sends the reply to the person who wrote."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.send_reply import ReplyRequest


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "person", "plan", "account", "gate_pass", "answer", "problem", "request"}` -> `{"status", …}`.

    `undeliverable` for a person who cannot be reached; other failures are raised as WhatsAppError.
    """
    return dependencies.reply_sender().send(ReplyRequest.parse(event))


initialize(dependencies.reply_sender, lambda: dependencies.reply_sender().prewarm())
