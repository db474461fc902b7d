"""The messages of each person, as their phone shows them; memory is bounded."""

from collections import OrderedDict, deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from local.console.formatting import plain

CHATS_KEPT: Final = 200
BUBBLES_KEPT: Final = 150  # of each chat
MESSAGES_FOUND: Final = 2000  # the latest of all chats, which are found by their id
TICKS: Final = ("pending", "sent", "delivered", "read")  # in this order; or "failed"
LABELS: Final = {
    "audio": "🎤 Voice note",
    "image": "📷 Photo",
    "video": "🎥 Video",
    "document": "📄 Document",
    "sticker": "Sticker",
    "location": "📍 Location",
    "contacts": "👤 Contact",
    "unsupported": "Poll",
}


@dataclass
class Person:
    """Someone to write as: `phone` (E.164), or `user_id` for people who hide their number."""

    name: str
    situation: str
    phone: str | None = None
    user_id: str | None = None
    suggestion: str = ""
    number_on_record: str | None = None
    children: tuple[Mapping[str, str], ...] = ()

    @property
    def address(self) -> str:
        """As WhatsApp addresses them: digits of the phone, or the user id."""
        return self.phone.lstrip("+") if self.phone else str(self.user_id)

    @property
    def initials(self) -> str:
        words = [word for word in self.name.split() if word[0].isalnum()]
        return "".join(word[0] for word in (words[:1] + words[-1:] if len(words) > 1 else words)).upper() or "?"


@dataclass
class Bubble:
    """One message in a chat."""

    id: str
    mine: bool  # written by the person whose phone it is
    time: float  # Unix seconds
    body: Mapping[str, Any]  # as the Graph API or the webhook has it
    document: Mapping[str, Any] | None = None
    ticks: str = "pending"
    reaction: str = ""
    run: str | None = None  # the execution that it started

    @property
    def preview(self) -> str:
        """One line of it, for the list of chats."""
        body = self.body
        kind = str(body.get("type", "text"))
        part = body.get(kind) or {}
        if kind == "text":
            return plain(str(part.get("body", "")))
        if kind == "interactive":
            chosen = part.get("list_reply") or part.get("button_reply")
            return plain(chosen["title"] if chosen else str((part.get("body") or {}).get("text", "")))
        if kind == "document":
            return f"📄 {part.get('filename') or 'Document'}"
        if kind == "template":
            return f"Template {part.get('name')}"
        return LABELS.get(kind, kind)


@dataclass
class Chat:
    """One phone."""

    person: Person
    bubbles: deque[Bubble] = field(default_factory=lambda: deque(maxlen=BUBBLES_KEPT))
    is_typing: bool = False

    def add(self, bubble: Bubble) -> None:
        """In its place by time: a reply may be reported before the message that it answers."""
        self.bubbles.append(bubble)
        if len(self.bubbles) > 1 and self.bubbles[-2].time > bubble.time:
            ordered = sorted(self.bubbles, key=lambda item: item.time)
            self.bubbles.clear()
            self.bubbles.extend(ordered)

    def find(self, message_id: str) -> Bubble | None:
        return next((bubble for bubble in reversed(self.bubbles) if bubble.id == message_id), None)

    @property
    def last(self) -> Bubble | None:
        return self.bubbles[-1] if self.bubbles else None


class Chats:
    """All phones, by address. Those of the sample stay; of others the latest are kept."""

    def __init__(self, people: list[Person]) -> None:
        self._fixed = {person.address: Chat(person) for person in people}
        self._others: OrderedDict[str, Chat] = OrderedDict()
        self._latest: OrderedDict[str, tuple[Chat, Bubble]] = OrderedDict()

    def __iter__(self) -> Iterator[Chat]:
        return iter([*self._fixed.values(), *reversed(self._others.values())])

    def get(self, address: str) -> Chat | None:
        return self._fixed.get(address) or self._others.get(address)

    def open(self, phone: str | None, user_id: str | None = None, name: str = "") -> Chat:
        """The chat of that person, who may be unknown so far."""
        person = Person(name or phone or str(user_id), "not in the list of samples", phone, user_id)
        for address in (person.address, str(user_id)):
            if found := self.get(address):
                return found
        chat = self._others[person.address] = Chat(person)
        while len(self._others) > CHATS_KEPT:
            self._others.popitem(last=False)
        return chat

    def add(self, chat: Chat, bubble: Bubble) -> None:
        chat.add(bubble)
        self._latest[bubble.id] = chat, bubble
        while len(self._latest) > MESSAGES_FOUND:
            self._latest.popitem(last=False)

    def with_message(self, message_id: str) -> tuple[Chat, Bubble] | None:
        """The chat with that message, if it is among the latest of all chats."""
        return self._latest.get(message_id)


def advance(bubble: Bubble, ticks: str) -> bool:
    """Set the ticks unless they are further already; whether they have changed."""
    if ticks != "failed" and bubble.ticks in TICKS and TICKS.index(ticks) <= TICKS.index(bubble.ticks):
        return False
    bubble.ticks = ticks
    return True


def content_of(message: Mapping[str, Any]) -> dict[str, Any]:
    """The content of a queued message, for messages that were not sent from here: of text and taps the words."""
    kind = str(message.get("type", "text"))
    words = message.get("text") or message.get("title") or message.get("caption")
    if words or kind == "text":
        return {"type": "text", "text": {"body": str(words or "")}}
    return {"type": kind, kind: {}}
