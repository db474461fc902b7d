"""A parent's phone: messages in the form in which Meta delivers them.

parent = Parent(phone="+447700900123")
body = parent.webhook_body(text("balance"), message_id=new_message_id())
"""

import base64
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from local.plan import DISPLAY_PHONE_NUMBER
from local.world.webhooks import user_id_of, wrap

Content = dict[str, Any]  # `type`, and the field of that name


@dataclass(frozen=True)
class Parent:
    """A sender. Without `phone` messages show only the business-scoped user id, as of people with a user name."""

    phone: str | None  # E.164
    user_id: str | None = None
    name: str = "Tendai Moyo"

    @property
    def address(self) -> str:
        """The recipient of a reply: the digits of the phone, or the user id."""
        return self.phone.lstrip("+") if self.phone else self.bsuid

    @property
    def bsuid(self) -> str:
        return self.user_id or user_id_of(self.phone or "")

    def message(self, content: Content, message_id: str, reply_to: str | None = None) -> dict[str, Any]:
        """One message; `reply_to`: the wamid of our message that it answers or that was tapped."""
        sender = {"from": self.phone.lstrip("+")} if self.phone else {}
        context = {"context": {"from": DISPLAY_PHONE_NUMBER, "id": reply_to}} if reply_to else {}
        return {
            **context,
            **sender,
            "from_user_id": self.bsuid,
            "id": message_id,
            "timestamp": str(int(time.time())),
            **content,
        }

    def contact(self) -> dict[str, Any]:
        number = {"wa_id": self.phone.lstrip("+")} if self.phone else {}
        return {"profile": {"name": self.name}, **number, "user_id": self.bsuid}

    def webhook_body(self, content: Content, message_id: str, reply_to: str | None = None) -> dict[str, Any]:
        """A webhook body with this one message."""
        return wrap(contacts=[self.contact()], messages=[self.message(content, message_id, reply_to)])

    def echo_body(self, content: Content, message_id: str) -> dict[str, Any]:
        """A webhook body that tells what a person at the school wrote to this parent in the WhatsApp Business app."""
        to = {"to": self.phone.lstrip("+")} if self.phone else {"to_user_id": self.bsuid}
        echo = {"from": DISPLAY_PHONE_NUMBER, **to, "id": message_id, "timestamp": str(int(time.time())), **content}
        return wrap("smb_message_echoes", contacts=[self.contact()], message_echoes=[echo])


def new_message_id() -> str:
    return "wamid." + base64.b64encode(b"\x1d\x18\x14" + secrets.token_hex(10).upper().encode()).decode()


# --- contents --------------------------------------------------------------------------------------------------------


def text(body: str) -> Content:
    return {"type": "text", "text": {"body": body}}


def row_tap(choice: str, title: str, description: str = "") -> Content:
    """A row of a list."""
    row = {"id": choice, "title": title} | ({"description": description} if description else {})
    return {"type": "interactive", "interactive": {"type": "list_reply", "list_reply": row}}


def button_tap(choice: str, title: str) -> Content:
    return {
        "type": "interactive",
        "interactive": {"type": "button_reply", "button_reply": {"id": choice, "title": title}},
    }


def _media(kind: str, mime_type: str, **more: Any) -> Callable[[str], Content]:
    """`words` become the caption where the kind of media can have one."""

    def content(words: str) -> Content:
        number = str(1_000_000_000_000_000 + secrets.randbelow(10**15))
        caption = {"caption": words} if words and kind in ("image", "video", "document") else {}
        digest = base64.b64encode(secrets.token_bytes(32)).decode()
        return {"type": kind, kind: {**caption, "mime_type": mime_type, "sha256": digest, "id": number, **more}}

    return content


def _location(words: str) -> Content:
    place = {"latitude": -17.8292, "longitude": 31.0522, "name": words or "Bus stop 12"}
    return {"type": "location", "location": place}


def _contacts(phone: str, **more: Any) -> Content:
    number = {"phone": phone, "wa_id": phone.lstrip("+"), "type": "CELL"}
    return {"type": "contacts", "contacts": [{**more, "phones": [number]}]}


def _forwarded_card(words: str) -> Content:
    return _contacts(words or "+447700900111", name={"formatted_name": "Rudo Moyo"}, origin="other")


def _shared_number(words: str) -> Content:
    """The answer to request_contact_info, which alone proves a number."""
    return _contacts(words, origin="contact_request")


def _reaction(words: str) -> Content:
    return {"type": "reaction", "reaction": {"message_id": "", "emoji": words or "👍"}}


def _unsupported(_: str) -> Content:
    details = {"details": "Message type is currently not supported."}
    error = {"code": 131051, "title": "Message type unknown", "message": "Message type unknown", "error_data": details}
    return {"type": "unsupported", "unsupported": {"type": "poll_creation"}, "errors": [error]}


def _unknown(_: str) -> Content:
    return {"type": "hologram", "hologram": {"uri": "x-meta://holo/1", "depth": 3}}


# The values of `say --as` -> how the words become a message.
KINDS: Final[Mapping[str, Callable[[str], Content]]] = {
    "text": text,
    "voice": _media("audio", "audio/ogg; codecs=opus", voice=True),
    "image": _media("image", "image/jpeg"),
    "video": _media("video", "video/mp4"),
    "document": _media("document", "application/pdf", filename="document.pdf"),
    "sticker": _media("sticker", "image/webp", animated=False),
    "location": _location,
    "contact": _forwarded_card,
    "my-number": _shared_number,
    "reaction": _reaction,
    "poll": _unsupported,
    "unknown": _unknown,
}
UNANSWERED: Final = frozenset({"reaction"})  # recorded only
