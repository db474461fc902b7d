"""WhatsApp's webhook: checks the signature, stores what came, and shows the typing indicator."""

import hashlib
import hmac
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from queue import SimpleQueue
from typing import Final

from functions.adapters import observability
from functions.adapters.document_store import DocumentStore
from functions.adapters.queues import Queue
from functions.adapters.secret_store import SecretStore
from functions.adapters.whatsapp import inbound, signature
from functions.adapters.whatsapp.client import WhatsAppClient
from functions.domain.messages import Message

TYPING_WAIT: Final = 0.15  # seconds that the answer to WhatsApp may wait for the typing indicator
TYPING_AGE: Final = 300  # seconds; no indicator for older messages: WhatsApp delivers again for a week
MAX_INDICATORS: Final = 50  # for one body
MAX_LOGGED_PROBLEMS: Final = 10


@dataclass(frozen=True)
class Secrets:
    """Names of the secrets that prove where a call comes from, and of the token that the indicator needs."""

    app_secret: str
    verify_token: str
    access_token: str


@dataclass(frozen=True)
class WebhookReceiver:
    """One business number."""

    secrets: SecretStore
    names: Secrets
    phone_number_id: str
    messages: Queue
    payments: Queue
    events: Queue
    documents: DocumentStore
    whatsapp: WhatsAppClient
    threads: ThreadPoolExecutor = field(
        default_factory=lambda: ThreadPoolExecutor(max_workers=16, thread_name_prefix="typing")
    )
    acknowledged: SimpleQueue[float] = field(default_factory=SimpleQueue)  # seconds until an indicator was accepted

    def verify(self, query: Mapping[str, str]) -> str | None:
        """The challenge to answer with; None when the verify token is not ours."""
        given, expected = query.get("hub.verify_token", ""), self.secrets.get(self.names.verify_token)
        is_ours = hmac.compare_digest(given.encode(), expected.encode())
        return query.get("hub.challenge", "") if query.get("hub.mode") == "subscribe" and is_ours else None

    def receive(self, body: bytes, signature_header: str | None, received_ms: int | None = None) -> bool:
        """Store a body of up to 1,000 updates; False when it is not signed by WhatsApp.

        `received_ms`: when the gateway had it, Unix milliseconds. Raises a ServiceError when not everything could be
        stored: WhatsApp then delivers it again.
        """
        self.prewarm()
        if not signature.is_valid(body, signature_header, self.secrets.get(self.names.app_secret)):
            if signature_header:  # without one it is a scanner, not WhatsApp
                observability.count("BadSignatures")
            return False
        webhook = self._read(body)
        answerable = [replace(message, received_ms=received_ms) for message in webhook.messages if message.needs_answer]
        messages = [*answerable, *webhook.undelivered()]
        self.messages.send_in_order([(item.sender, item.id, item.as_json()) for item in messages])
        indicators = self._show_typing(answerable)  # blue ticks promise that the message is stored
        self._store_rest(webhook, answerable, body)
        wait(indicators, timeout=TYPING_WAIT)
        while not self.acknowledged.empty():  # those of the last invocation too, which did not wait for them
            observability.record_duration("AcknowledgementTime", self.acknowledged.get())
        return True

    def prewarm(self) -> None:
        """Fetch the secrets side by side."""
        self.secrets.prefetch(self.names.app_secret, self.names.access_token)

    def _read(self, body: bytes) -> inbound.Webhook:
        try:
            webhook = inbound.read(json.loads(body))
        except (ValueError, RecursionError):
            return inbound.Webhook(unreadable=(inbound.Unreadable("body", "expected JSON"),))
        return webhook.only_for(self.phone_number_id)

    def _store_rest(self, webhook: inbound.Webhook, answerable: Sequence[Message], body: bytes) -> None:
        # Each in a line of its own: it must not hold up what the office writes.
        self.messages.send_in_order([(item.id, item.id, item.as_json()) for item in webhook.not_told()])
        self.payments.send_in_order([(item.id, item.id, item.as_json()) for item in webhook.expired_receipts()])
        self.events.send(inbound.pack_events(webhook.events()))
        if webhook.unreadable:  # last: what cannot be read must not hold up what can
            self._keep_for_inspection(body, webhook.unreadable)
        if webhook.not_kept:
            observability.logger().info("not kept", fields=sorted(set(webhook.not_kept)))
        observability.count("Messages", len(answerable))
        for message in answerable:
            if message.received_ms and message.timestamp:  # WhatsApp cuts its time to whole seconds: up to 1 s too much
                observability.record_duration("WhatsAppDelay", max(message.received_ms / 1000 - message.timestamp, 0))

    def _keep_for_inspection(self, body: bytes, problems: Sequence[inbound.Unreadable]) -> None:
        """Store the bytes under `inspection/<date>/<sha256>.json`; the log says where and why, not what."""
        key = f"inspection/{datetime.now(UTC):%Y-%m-%d}/{hashlib.sha256(body).hexdigest()}.json"
        self.documents.put(key, body, "application/json")
        observability.count("UnreadableWebhooks")
        found = [f"{item.where}: {item.why}" for item in problems[:MAX_LOGGED_PROBLEMS]]
        observability.logger().warning("webhook kept for inspection", key=key, problems=found)

    def _show_typing(self, messages: Sequence[Message]) -> list[Future[None]]:
        """Blue ticks and the typing indicator, for the latest message of each person."""
        started = time.monotonic()

        def show(message_id: str) -> None:
            if self.whatsapp.show_typing(message_id):
                self.acknowledged.put(time.monotonic() - started)

        oldest = time.time() - TYPING_AGE
        latest = {message.sender: message.id for message in messages if message.timestamp >= oldest}
        return [self.threads.submit(show, message_id) for message_id in list(latest.values())[:MAX_INDICATORS]]
