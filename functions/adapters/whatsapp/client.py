"""WhatsApp's Graph API: the typing indicator, uploads and sending; Meta's error codes become our errors."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import requests
from urllib3.exceptions import NewConnectionError

from functions.adapters import observability
from functions.adapters.aws import AwsError
from functions.adapters.secret_store import SecretStore
from functions.adapters.whatsapp import message_format
from functions.adapters.whatsapp.error_codes import OPERATOR, PERSON, TOKEN, TRANSIENT
from functions.domain.errors import (
    DeliveryUnknown,
    OperatorNeeded,
    PartlySent,
    Undeliverable,
    WhatsAppError,
    WhatsAppRefused,
    WhatsAppUnavailable,
)
from functions.domain.people import Person
from functions.domain.replies import Document, Reply, Template, Text, words_of

TIMEOUT = (1.5, 5.0)  # connect, read; seconds
UPLOAD_TIMEOUT = (1.5, 8.0)
TYPING_TIMEOUT = (1.5, 3.0)
BUDGET = 13.0  # seconds for one reply, all its calls together: less than the functions that send have
FOR_THE_MESSAGE = 3.0  # seconds that an upload leaves for the message that it is for
LEAST = 2.0  # seconds: with less left nothing is begun that could be cut off in the middle


@dataclass(frozen=True)
class Sent:
    """What the Graph API accepted."""

    reply_id: str  # wamid of the (first) message
    messages: int = 1  # how many messages it took
    media_id: str | None = None  # of a document's new upload, good for 30 days
    degraded: bool = False  # the plain words went out instead of the document or buttons


class WhatsAppClient:
    """One business number."""

    def __init__(
        self, session: requests.Session, secrets: SecretStore, api_url: str, phone_number_id: str, token_name: str
    ) -> None:
        """`token_name` names the secret of the access token; it is read for each call, since it may be rotated."""
        self._session = session
        self._secrets = secrets
        self._api_url = api_url
        self._phone_number_id = phone_number_id
        self._token_name = token_name

    def prewarm(self) -> None:
        """Fetch the access token."""
        self._secrets.get(self._token_name)

    def show_typing(self, message_id: str) -> bool:
        """Show blue ticks and the typing indicator; whether WhatsApp accepted them. Failures are not retried."""
        body = {
            "messaging_product": "whatsapp",
            "status": "read",
            "message_id": message_id,
            "typing_indicator": {"type": "text"},
        }
        try:
            self._post("messages", TYPING_TIMEOUT, time.monotonic() + BUDGET, json=body)
        except (WhatsAppError, AwsError) as error:
            observability.logger().info("no typing indicator", error=type(error).__name__, code=error.code)
            return False
        return True

    def send(
        self,
        reply: Reply,
        person: Person,
        answer_to: str,
        file: Callable[[], bytes],
        parts_sent: int = 0,
        deadline: float | None = None,
    ) -> Sent:
        """Send a reply to a person. `answer_to`, the message it answers, comes back in delivery statuses. `file` gives
        the document's bytes; it is called only when its `media_id` does not work any more. `parts_sent`: of a text of
        several messages, how many an earlier try has sent. `deadline`: of `time.monotonic()`, for all calls together.

        What Meta refuses in this form is sent as plain words, except templates. Raises PartlySent when a later part of
        a text was not taken, and the other WhatsAppErrors.
        """
        until = time.monotonic() + BUDGET if deadline is None else deadline
        if parts_sent:  # only a text has several parts, so the earlier try sent plain words
            return self._send_all(message_format.bodies(Text(words_of(reply))), person, answer_to, until, parts_sent)
        try:
            if isinstance(reply, Document):
                return self._send_document(reply, person, answer_to, file, until)
            return self._send_all(message_format.bodies(reply), person, answer_to, until)
        except (WhatsAppRefused, AwsError) as error:  # AwsError: the document's file cannot be had
            if isinstance(reply, Text | Template):
                raise
            observability.count("RepliesDegraded")
            observability.logger().error(
                "reply refused, sent as plain words", kind=type(reply).__name__, code=error.code
            )
            sent = self._send_all(message_format.bodies(Text(words_of(reply))), person, answer_to, until)
            return Sent(sent.reply_id, sent.messages, degraded=True)

    def _send_document(
        self, reply: Document, person: Person, answer_to: str, file: Callable[[], bytes], deadline: float
    ) -> Sent:
        if reply.media_id:
            body = message_format.document(reply, reply.media_id)
            try:
                return self._send_all([body], person, answer_to, deadline)
            except WhatsAppRefused:
                pass  # the earlier upload has expired
        _seconds_left(deadline - FOR_THE_MESSAGE)
        media_id = self._upload(reply.filename, reply.mime_type, file(), deadline - FOR_THE_MESSAGE)
        body = message_format.document(reply, media_id)
        sent = self._send_all([body], person, answer_to, deadline)
        return Sent(sent.reply_id, sent.messages, media_id)

    def _upload(self, filename: str, mime_type: str, file: bytes, deadline: float) -> str:
        answer = self._post(
            "media",
            UPLOAD_TIMEOUT,
            deadline,
            data={"messaging_product": "whatsapp", "type": mime_type},
            files={"file": (filename, file, mime_type)},
        )
        media_id = answer.get("id")
        if not isinstance(media_id, str):
            raise WhatsAppUnavailable("an upload without an id")
        return media_id

    def _send_all(
        self, bodies: list[dict[str, object]], person: Person, answer_to: str, deadline: float, parts_sent: int = 0
    ) -> Sent:
        """Send the messages of one reply in order, without those that were sent before."""
        address = {"to": person.phone} if person.phone else {"recipient": person.bsuid}
        ids: list[str] = []
        for part, body in enumerate(bodies):
            if part < parts_sent:
                continue
            envelope = {
                "messaging_product": "whatsapp",
                "recipient_type": "individual",
                **address,
                "biz_opaque_callback_data": answer_to[:512],
                **body,
            }
            try:
                answer = self._post("messages", TIMEOUT, deadline, unanswered=DeliveryUnknown, json=envelope)
                ids.append(_message_id(answer))
            except DeliveryUnknown:
                if part == 0:
                    raise
                observability.logger().warning("delivery of a part unknown", part=part)  # it is not sent again
            except WhatsAppError as error:
                if part == 0:
                    raise
                raise PartlySent(str(error), error.code, part, ids[0] if ids else "") from None
        return Sent(ids[0] if ids else "", parts_sent + len(ids))

    def _post(
        self,
        path: str,
        timeout: tuple[float, float],
        deadline: float,
        unanswered: type[WhatsAppError] = WhatsAppUnavailable,
        **content: object,
    ) -> dict[str, object]:
        """One call, tried a second time where that is safe: nothing was sent, or the token may have been rotated.

        `unanswered` is raised when the request left and the answer does not say what became of it. WhatsAppUnavailable
        when there is no time left for a call.
        """
        for attempt in (1, 2):
            try:
                return self._post_once(path, timeout, deadline, unanswered, **content)
            except OperatorNeeded as error:
                if attempt == 2 or error.code not in TOKEN:
                    observability.count("OperatorNeeded")
                    observability.logger().error("WhatsApp needs an operator", code=error.code)
                    raise
                self._secrets.expire(self._token_name)
            except requests.RequestException as error:
                if not _never_left(error):
                    raise unanswered("no answer in time") from None
                time.sleep(0.1)
        raise WhatsAppUnavailable("not reached")

    def _post_once(
        self,
        path: str,
        timeout: tuple[float, float],
        deadline: float,
        unanswered: type[WhatsAppError],
        **content: object,
    ) -> dict[str, object]:
        headers = {"Authorization": f"Bearer {self._secrets.get(self._token_name)}"}
        url = f"{self._api_url}/{self._phone_number_id}/{path}"
        left = _seconds_left(deadline)
        connect = min(timeout[0], left / 2)
        limits = (connect, min(timeout[1], left - connect))
        answer = self._session.post(url, headers=headers, timeout=limits, **content)  # type: ignore[arg-type]
        try:
            found = answer.json()
        except (ValueError, RecursionError):
            found = None
        if answer.ok and isinstance(found, dict):
            return found
        raise error_of(found, answer.status_code, unanswered)


def _seconds_left(deadline: float) -> float:
    """Raises WhatsAppUnavailable when it is not worth beginning a call."""
    left = deadline - time.monotonic()
    if left < LEAST:
        raise WhatsAppUnavailable("no time left")
    return left


def _never_left(error: requests.RequestException) -> bool:
    """Whether the connection was not even made, so that nothing can have been delivered."""
    if isinstance(error, requests.ConnectTimeout):
        return True
    reason = getattr(error.args[0], "reason", None) if error.args else None
    return isinstance(error, requests.ConnectionError) and isinstance(reason, NewConnectionError)


def _message_id(answer: dict[str, object]) -> str:
    """The wamid of an accepted message; DeliveryUnknown for an answer without one."""
    match answer:
        case {"messages": [{"id": str(message_id)}, *_]}:
            return message_id
    raise DeliveryUnknown("an answer without a message id")


def error_of(body: object, status: int, unanswered: type[WhatsAppError] = WhatsAppUnavailable) -> WhatsAppError:
    """The error for one of Meta's error bodies, by its code; without one, by the HTTP status.

    `unanswered`: for an answer that does not say whether the message was taken: HTML with 200, or 5xx without a code.
    """
    details = body.get("error") if isinstance(body, dict) else None
    code = details.get("code") if isinstance(details, dict) else None
    if not isinstance(code, int):
        if status in (401, 403):
            return OperatorNeeded(f"HTTP {status}", 0)
        kind = unanswered if status >= 500 or status < 400 else WhatsAppRefused
        kind = WhatsAppUnavailable if status == 429 else kind
        return kind(f"HTTP {status} without an error code")
    message = f"Graph API error {code}"
    if code in TRANSIENT:
        return WhatsAppUnavailable(message, code)
    if code in OPERATOR:
        return OperatorNeeded(message, code)
    if code in PERSON:
        return Undeliverable(message, code)
    if status >= 500 or status == 429:
        return WhatsAppUnavailable(message, code)
    return WhatsAppRefused(message, code)
