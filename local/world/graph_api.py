"""WhatsApp's Graph API: it rejects what Meta rejects, with Meta's error codes and messages."""

import base64
import hashlib
import io
import re
import secrets
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Final

from werkzeug.formparser import FormDataParser
from werkzeug.http import parse_options_header

from local.plan import PHONE_NUMBER_ID, Plan
from local.world import graph_account
from local.world import whatsapp_rules as rules
from local.world.faults import Fault
from local.world.http_server import Request, Response
from local.world.journal import Journal, Message
from local.world.profile import InvalidSetting, Profile
from local.world.webhooks import Webhooks, user_id_of, wrap
from local.world.whatsapp_rules import GraphError

VERSIONS: Final = range(21, 27)
MEDIA_SECONDS: Final = 30 * 86400  # until an uploaded file expires
LINK_SECONDS: Final = 300  # until a download link expires
WINDOW_SECONDS: Final = 24 * 3600
PAIR_SECONDS: Final = 6.0  # one message to the same user in this time, beyond the burst
FREE_MESSAGES: Final = 1000  # service messages a month that cost nothing
MIME_TYPES: Final = {
    "audio": ("audio/aac", "audio/amr", "audio/mpeg", "audio/mp4", "audio/ogg"),
    "document": (
        "application/pdf", "text/plain", "application/msword", "application/vnd.ms-excel",
        "application/vnd.ms-powerpoint",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    "image": ("image/jpeg", "image/png"),
    "sticker": ("image/webp",),
    "video": ("video/mp4", "video/3gpp"),
}  # fmt: skip
LARGEST: Final = {"audio": 16, "document": 100, "image": 5, "sticker": 0.5, "video": 16}  # MB
REFUSED_LATER: Final = frozenset({131026, 131047, 131049, 131053})  # accepted first, then a `failed` webhook


@dataclass(frozen=True)
class Media:
    """One uploaded file."""

    id: str
    kind: str
    mime_type: str
    filename: str
    content: bytes
    uploaded: float


@dataclass
class Recipient:
    """The state of one user: injected failure, customer window, pair rate."""

    fails_with: int | None = None
    last_inbound: float | None = None
    allowance: float = 0.0  # Unix time up to which the pair rate is used up


class GraphApi:
    """The part of the Graph API that a WhatsApp business number uses."""

    computes = False

    def __init__(self, plan: Plan, journal: Journal) -> None:
        self._token = plan.access_token
        self._journal = journal
        self._webhooks = Webhooks(f"{plan.public_url}/webhook", plan.app_secret)
        self._own_url = plan.world_url
        self.media: dict[str, Media] = {}
        self.delivered: dict[str, Media] = {}  # files of accepted messages: the parent keeps them
        self.templates: dict[str, dict[str, Any]] = {}
        # The sample's office has written today, as one must for WhatsApp to let us notify it.
        self.recipients = {_user(plan.office): Recipient(last_inbound=time.time())}  # by user id
        self._phones: dict[str, str] = {}  # of users who have written with a number, by user id
        self._links: dict[str, tuple[str, float]] = {}
        self._sent: deque[float] = deque()
        self._billable = 0

    def stop(self) -> None:
        self._webhooks.stop()

    # --- routing -------------------------------------------------------------------------------------------------

    def operation(self, request: Request) -> str:
        """The name of the operation, for faults and the list of calls."""
        if request.path.startswith("/graph/files/"):
            return "download"
        if request.path.endswith("/media"):
            return "upload"
        if request.path.endswith("/messages"):
            try:
                body = request.json
            except ValueError:
                return "send"
            if isinstance(body, dict) and body.get("status") == "read":
                return "typing" if "typing_indicator" in body else "read"
            return "send"
        return "delete" if request.method == "DELETE" else "media"

    def detail(self, request: Request, response: Response | None) -> str:
        """The id of the message that is sent or marked as read."""
        if not request.path.endswith("/messages"):
            return ""
        match = re.search(rb"wamid\.[A-Za-z0-9+/=_-]+", (response.body if response else b"") or request.body)
        found = match or re.search(rb"wamid\.[A-Za-z0-9+/=_-]+", request.body)
        return found[0].decode() if found else ""

    def answer(self, request: Request, profile: Profile, fault: Fault | None) -> Response:
        try:
            return self._route(request, profile)
        except GraphError as error:
            return error.response(_trace())

    def failure(self, fault: Fault) -> Response:
        """The body of an injected error."""
        by_status = {401: 190, 403: 10, 404: 100, 429: 130429, 503: 131016}
        code = fault.code if fault.code is not None else by_status.get(fault.status, 131000)
        response = GraphError(code).response(_trace(), fault.status)
        return replace(response, headers=_retry_after(fault))

    def _route(self, request: Request, profile: Profile) -> Response:
        parts = request.path.removeprefix("/graph/").strip("/").split("/")
        if parts[0] == "files" and len(parts) == 2:
            self._authorise(request)
            return self._download(parts[1])
        version = re.fullmatch(r"v(\d+)\.0", parts[0])
        if not version or int(version[1]) not in VERSIONS:
            raise GraphError(2500, message=f"Unknown path components: /{'/'.join(parts)}")
        self._authorise(request)
        match (request.method, *parts[1:]):
            case ("POST", number, "messages") if number == PHONE_NUMBER_ID:
                return self._messages(request, profile)
            case ("POST", number, "media") if number == PHONE_NUMBER_ID:
                return self._upload(request)
            case ("GET", name) if name in self.media:
                return self._link(self.media[name])
            case ("DELETE", name) if name in self.media:
                del self.media[name]
                return Response.of({"success": True})
            case ("GET", *path) if (found := graph_account.read(path, self.templates)) is not None:
                return Response.of(found)
            case _:
                name = parts[1] if len(parts) > 1 else ""
                raise GraphError(
                    100,
                    message=f"Unsupported {request.method.lower()} request. Object with ID '{name}' does not exist, "
                    "cannot be loaded due to missing permissions, or does not support this operation. Please read the "
                    "Graph API documentation at https://developers.facebook.com/docs/graph-api",
                    subcode=33,
                    kind="GraphMethodException",
                )

    def _authorise(self, request: Request) -> None:
        given = request.headers.get("authorization", "")
        if not given:
            raise GraphError(200, message="(#200) Provide valid app ID")
        if not secrets.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            raise GraphError(190, message="Invalid OAuth access token - Cannot parse access token")

    # --- messages --------------------------------------------------------------------------------------------------

    def _messages(self, request: Request, profile: Profile) -> Response:
        try:
            body = request.json
        except ValueError:
            body = None
        if isinstance(body, dict) and "status" in body:
            return self._mark_read(body)
        rules.MessageRules(self._has_media, self.templates).check(body)
        to, user_id = _addressee(body)
        if to and rules.USER_ID.fullmatch(body["to"]):  # a user id in `to` is accepted and never delivered
            return Response.of(_accepted(body["to"], {"wa_id": to}, _wamid()))
        recipient = self.recipients.setdefault(user_id or _user(str(to)), Recipient())
        self._limit_rates(recipient, profile)
        failure = self._failure_of(recipient, body, profile)
        if failure and failure not in REFUSED_LATER:
            raise GraphError(failure)
        wamid = _wamid()
        if failure:
            self._report_failure(wamid, to, user_id, failure, body)
        else:
            phone = to or self._phones.get(user_id or "")
            self._journal.record(self._message(wamid, phone, user_id, body))
            self._report_delivery(wamid, to, user_id, body, profile)
        known = {"user_id": user_id} if user_id else {"wa_id": to}
        accepted = _accepted(user_id or body["to"], known, wamid)
        if body.get("type") == "template":
            accepted["messages"][0]["message_status"] = "accepted"
        return Response.of(accepted)

    def _mark_read(self, body: Mapping[str, Any]) -> Response:
        if body.get("messaging_product") != "whatsapp":
            raise rules.parameter("The parameter messaging_product is required.")
        if body["status"] != "read":
            raise rules.parameter(f'Param status must be one of {{read}} - got "{body["status"]}".')
        if not isinstance(body.get("message_id"), str) or not rules.WAMID.fullmatch(body["message_id"]):
            raise rules.invalid("Invalid message_id")
        if "typing_indicator" in body and body["typing_indicator"] != {"type": "text"}:
            raise rules.invalid("Typing indicator type is not valid")
        for key in body:
            if key not in ("messaging_product", "status", "message_id", "typing_indicator"):
                raise rules.parameter(f'Unexpected key "{key}" on param "messages".')
        return Response.of({"success": True})

    def _limit_rates(self, recipient: Recipient, profile: Profile) -> None:
        now = time.time()
        if profile.whatsapp_messages_per_second:
            while self._sent and self._sent[0] <= now - 1:
                self._sent.popleft()
            if len(self._sent) >= profile.whatsapp_messages_per_second:
                raise GraphError(130429, "Message failed to send because of throughput limits")
        if profile.whatsapp_pair_burst:
            used = max(recipient.allowance, now)
            if used + PAIR_SECONDS > now + PAIR_SECONDS * profile.whatsapp_pair_burst + 0.001:
                raise GraphError(131056, "Too many messages sent from this phone number to the same user")
            recipient.allowance = used + PAIR_SECONDS
        self._sent.append(now)

    def _failure_of(self, recipient: Recipient, body: Mapping[str, Any], profile: Profile) -> int | None:
        if recipient.fails_with:
            return recipient.fails_with
        last = recipient.last_inbound
        closed = profile.customer_window and (last is None or time.time() - last > WINDOW_SECONDS)
        return 131047 if closed and body.get("type") != "template" else None

    def _message(self, wamid: str, to: str | None, user_id: str | None, body: dict[str, Any]) -> Message:
        sent = body.get("document") or (body.get("interactive", {}).get("header") or {}).get("document") or {}
        media = self.media.get(str(sent.get("id")))
        document = None
        if media:
            self.delivered[media.id] = media
            document = {
                "filename": sent.get("filename") or media.filename,
                "mime_type": media.mime_type,
                "bytes": len(media.content),
                "sha256": hashlib.sha256(media.content).hexdigest(),
                "link": f"{self._own_url}/media/{media.id}",
            }
        return Message(
            id=wamid,
            time=time.time(),
            to=f"+{to}" if to else None,
            user_id=user_id,
            body=body,
            document=document,
            opaque=body.get("biz_opaque_callback_data"),
        )

    # --- delivery webhooks ----------------------------------------------------------------------------------------

    def _report_delivery(
        self, wamid: str, to: str | None, user_id: str | None, body: Mapping[str, Any], profile: Profile
    ) -> None:
        delays = {"sent": profile.sent_seconds, "delivered": profile.delivered_seconds, "read": profile.read_seconds}
        pricing = self._pricing(str(body.get("type", "text")))
        for status in profile.statuses:
            if body.get("type") == "reaction" and status != "sent":
                continue
            status_object = self._status(wamid, status, to, user_id, body)
            if status != "read":
                status_object["pricing"] = pricing
            contact = {"profile": {"name": "Parent"}, "user_id": user_id or user_id_of(str(to))}
            contacts = [contact | {"wa_id": to}] if to else [contact]
            self._webhooks.later(delays[status], wrap(contacts=contacts, statuses=[status_object]))

    def _report_failure(
        self, wamid: str, to: str | None, user_id: str | None, code: int, body: Mapping[str, Any]
    ) -> None:
        title = rules.TITLES.get(code, "Unknown error")
        status_object = self._status(wamid, "failed", to, user_id, body)
        if to:
            del status_object["recipient_user_id"]  # Meta omits it, and the contacts too
        status_object["errors"] = [
            {
                "code": code,
                "title": title,
                "message": title,
                "error_data": {"details": title},
                "href": "/documentation/business-messaging/whatsapp/support/error-codes",
            }
        ]
        self._webhooks.later(0.05, wrap(statuses=[status_object]))

    def _status(
        self, wamid: str, status: str, to: str | None, user_id: str | None, body: Mapping[str, Any]
    ) -> dict[str, Any]:
        found = {"id": wamid, "status": status, "timestamp": "", "recipient_user_id": user_id or user_id_of(str(to))}
        if to:
            found["recipient_id"] = to
        if "biz_opaque_callback_data" in body:
            found["biz_opaque_callback_data"] = body["biz_opaque_callback_data"]
        return found

    def _pricing(self, kind: str) -> dict[str, Any]:
        category = "utility" if kind == "template" else "service"
        if kind not in ("template", "reaction"):
            self._billable += 1
        free = category == "service" and self._billable <= FREE_MESSAGES
        return {
            "billable": not free,
            "pricing_model": "PMP",
            "type": "free_customer_service" if free else "regular",
            "category": category,
        }

    def receive(self, content: bytes, mime_type: str) -> str:
        """Keep the file of a parent's message; its id, by which the product can download it."""
        name = str(secrets.randbelow(9 * 10**15) + 10**15)
        kind = next((kind for kind, types in MIME_TYPES.items() if mime_type.split(";")[0] in types), "document")
        media = Media(name, kind, mime_type, "", content, time.time())
        self.media[name] = self.delivered[name] = media
        return name

    # --- media -----------------------------------------------------------------------------------------------------

    def _has_media(self, name: str, kind: str) -> bool:
        media = self.media.get(name)
        return media is not None and media.kind == kind and time.time() - media.uploaded < MEDIA_SECONDS

    def _upload(self, request: Request) -> Response:
        fields = _multipart(request)
        if fields.get("messaging_product", ("", "", b""))[2] != b"whatsapp":
            raise rules.parameter("The parameter messaging_product is required.")
        if "file" not in fields:
            raise rules.parameter("The parameter file is required.")
        filename, mime_type, content = fields["file"]
        mime_type = (mime_type or fields.get("type", ("", "", b""))[2].decode("latin-1")).split(";")[0].strip()
        kind = next((kind for kind, types in MIME_TYPES.items() if mime_type in types), None)
        if kind is None:
            every = ", ".join(name for types in MIME_TYPES.values() for name in types)
            raise rules.parameter(
                f"Param file must be a file with one of the following types: {every}. Received file of type "
                f"'{mime_type or 'application/octet-stream'}'."
            )
        if not content or len(content) > LARGEST[kind] * 1024 * 1024:
            raise GraphError(131053, f"File size must be between 1 byte and {LARGEST[kind]} MB")
        if mime_type == "application/pdf" and not content.startswith(b"%PDF-"):
            raise GraphError(131053, "The file does not look like its type application/pdf")
        name = str(secrets.randbelow(9 * 10**15) + 10**15)
        self.media[name] = Media(name, kind, mime_type, filename, content, time.time())
        return Response.of({"id": name})

    def _link(self, media: Media) -> Response:
        token = secrets.token_urlsafe(16)
        self._links[token] = (media.id, time.time() + LINK_SECONDS)
        return Response.of(
            {
                "url": f"{self._own_url}/graph/files/{token}",
                "mime_type": media.mime_type,
                "sha256": hashlib.sha256(media.content).hexdigest(),
                "file_size": str(len(media.content)),
                "id": media.id,
                "messaging_product": "whatsapp",
            }
        )

    def _download(self, token: str) -> Response:
        name, until = self._links.get(token, ("", 0.0))
        media = self.media.get(name)
        if media is None or time.time() > until:
            return Response.html("<h1>404 Not Found</h1>", 404)
        return Response(200, media.content, media.mime_type)

    # --- settings for tests ----------------------------------------------------------------------------------------

    def set_recipient(self, name: str, values: Mapping[str, Any]) -> None:
        """PUT /recipients/<number or user id> {"fails_with": 131026}: from now on messages to that user fail."""
        code = values.get("fails_with")
        if set(values) != {"fails_with"} or not (code is None or isinstance(code, int)):
            raise InvalidSetting("fails_with", "WhatsApp's error code, such as 131026; or null")
        self.recipients.setdefault(_user(name), Recipient()).fails_with = code

    def open_window(self, values: Mapping[str, Any]) -> None:
        """POST /inbound {"from": "+263…", or "user_id": "ZW.…", "time": 1795420800}: the user has written."""
        name = values.get("from") or values.get("user_id")
        if not isinstance(name, str):
            raise InvalidSetting("from", "a phone number; or user_id")
        moment = values.get("time", time.time())
        if not isinstance(moment, int | float):
            raise InvalidSetting("time", "Unix seconds")
        self.recipients.setdefault(_user(name), Recipient()).last_inbound = float(moment)
        if "from" in values:
            self._phones[_user(name)] = name.lstrip("+")

    def set_templates(self, values: Any) -> None:
        """PUT /templates {"fee_receipt": {"language": "en", "parameters": 3}}: the approved templates."""
        if not isinstance(values, dict) or not all(
            isinstance(item, dict) and isinstance(item.get("language"), str) and isinstance(item.get("parameters"), int)
            for item in values.values()
        ):
            raise InvalidSetting("templates", '{"name": {"language": "en", "parameters": 3}, …}')
        self.templates = values


def _user(name: str) -> str:
    """The user id of a user who is named by it or by their number: one person, whatever a message is addressed to."""
    digits = name.lstrip("+")
    return user_id_of(digits) if digits.isdecimal() else name


def _addressee(body: Mapping[str, Any]) -> tuple[str | None, str | None]:
    """(phone digits, user id), one of them None; `to` takes precedence over `recipient`."""
    if body.get("to") is not None:
        return re.sub(r"\D", "", body["to"]), None
    return None, body["recipient"]


def _accepted(given: str, known: Mapping[str, Any], wamid: str) -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "contacts": [{"input": given, **known}], "messages": [{"id": wamid}]}


def _wamid() -> str:
    return "wamid." + base64.b64encode(b"\x1d\x18\x14" + secrets.token_hex(10).upper().encode() + b"\x00").decode()


def _trace() -> str:
    return "A" + secrets.token_urlsafe(16)


def _retry_after(fault: Fault) -> dict[str, str]:
    return {} if fault.retry_after is None else {"Retry-After": str(fault.retry_after)}


def _multipart(request: Request) -> dict[str, tuple[str, str, bytes]]:
    """Field name -> (file name, MIME type, content) of a multipart/form-data body."""
    mime_type, options = parse_options_header(request.headers.get("content-type", ""))
    parser = FormDataParser(stream_factory=lambda *_, **__: io.BytesIO(), max_form_memory_size=None)
    _, texts, files = parser.parse(io.BytesIO(request.body), mime_type, len(request.body), options)
    fields = {name: ("", "", text.encode()) for name, text in texts.items()}
    return fields | {name: (file.filename or "", file.content_type or "", file.read()) for name, file in files.items()}
