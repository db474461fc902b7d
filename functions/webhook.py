"""The front door: WhatsApp's webhook. Answers within a moment; the work happens behind the queue."""

import hmac
import json
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from functools import cache
from queue import SimpleQueue
from typing import Any

from functions.adapters import inspection, observe, queues, secret_store, warm
from functions.adapters.http_api import Request, response
from functions.adapters.settings import from_environment
from functions.adapters.whatsapp import WhatsApp
from functions.domain import inbound, signature
from functions.domain.errors import ServiceError

TYPING_WAIT = 0.15  # seconds that the answer to WhatsApp may wait for the typing indicator
TYPING_AGE = 300  # no indicator for a message older than this: WhatsApp repeats undelivered ones for a week
TYPING_MOST = 50  # indicators for one body


acknowledged: SimpleQueue[float] = SimpleQueue()  # seconds until a typing indicator was accepted


@dataclass(frozen=True)
class Settings:
    conversation_queue_url: str
    events_queue_url: str
    documents_bucket: str
    app_secret_name: str
    verify_token_name: str
    access_token_name: str
    whatsapp_api_url: str
    whatsapp_phone_number_id: str


@cache
def settings() -> Settings:
    return from_environment(Settings)


@cache
def threads() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(max_workers=16, thread_name_prefix="typing")


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """GET: WhatsApp's verification. POST: a signed body of up to 1,000 updates (HTTP API, payload format 2.0)."""
    request = Request.of(event)
    try:
        return verify(request) if request.method == "GET" else receive(request)
    except ServiceError as error:  # not stored: WhatsApp sends it again, for up to seven days
        observe.log().error("webhook not stored", error=str(error))
        return response(503, "try again")


def verify(request: Request) -> dict[str, Any]:
    """Answer WhatsApp's challenge when the verify token is ours."""
    given, wanted = request.query.get("hub.verify_token", ""), secret_store.secret(settings().verify_token_name)
    if request.query.get("hub.mode") == "subscribe" and hmac.compare_digest(given.encode(), wanted.encode()):
        return response(200, request.query.get("hub.challenge", ""))
    return response(403, "wrong verify token")


def receive(request: Request) -> dict[str, Any]:
    """Check, split, enqueue; the typing indicator goes out beside it."""
    secret_store.fetch_together(settings().app_secret_name, settings().access_token_name)
    given = request.headers.get("x-hub-signature-256")
    if not signature.is_valid(request.body, given, secret_store.secret(settings().app_secret_name)):
        observe.count("BadSignatures")
        return response(401, "bad signature")
    webhook = read(request.body)
    answerable = [message for message in webhook.messages if message.wants_answer]
    indicators = show_typing(answerable)
    store(webhook, answerable, request.body)
    wait(indicators, timeout=TYPING_WAIT)
    while not acknowledged.empty():  # those of the last invocation too, which did not wait for them
        observe.took("AcknowledgementTime", acknowledged.get())
    return response(200)


def read(raw: bytes) -> inbound.Webhook:
    """The body's content; messages to a number that is not ours count as unreadable."""
    try:
        webhook = inbound.read(json.loads(raw))
    except (ValueError, RecursionError):
        return inbound.Webhook(unreadable=(inbound.Unreadable("body", "expected JSON"),))
    return webhook.only_for(settings().whatsapp_phone_number_id)


def store(webhook: inbound.Webhook, answerable: list[inbound.Message], raw: bytes) -> None:
    """Everything has its place before we say 200."""
    queues.send_in_order(
        settings().conversation_queue_url,
        [(item.sender, item.id, item.as_json()) for item in [*answerable, *webhook.undelivered()]],
    )
    queues.send(settings().events_queue_url, inbound.packed(webhook.events()))
    if webhook.unreadable:  # last: what cannot be read must not hold up what can
        inspection.keep(settings().documents_bucket, raw, webhook.unreadable)
    observe.count("Messages", len(answerable))


def show_typing(messages: list[inbound.Message]) -> list[Future[None]]:
    """Blue ticks and the typing bubble, for the latest message of each person."""
    whatsapp = WhatsApp(settings().whatsapp_api_url, settings().whatsapp_phone_number_id, settings().access_token_name)
    started = time.monotonic()

    def show(name: str) -> None:
        if whatsapp.show_typing(name):
            acknowledged.put(time.monotonic() - started)

    oldest = time.time() - TYPING_AGE
    latest = {message.sender: message.id for message in messages if message.timestamp >= oldest}
    return [threads().submit(show, name) for name in list(latest.values())[:TYPING_MOST]]


warm.ahead(lambda: secret_store.fetch_together(settings().app_secret_name, settings().access_token_name))
