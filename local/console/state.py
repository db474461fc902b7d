"""What the console knows: the chats, the runs, and the events that the browsers are told."""

import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

from functions.adapters.school_config import load as load_school
from functions.domain.school import School
from infra.catalog import MACHINES
from local.console.chats import Bubble, Chat, Chats, Person, advance, content_of
from local.console.runs import Runs
from local.event_log import EventLog
from local.parent import Content, Parent, new_message_id
from local.plan import Plan
from local.send_message import post_webhook
from local.stack_client import NotRunning, StackClient
from local.world.webhooks import encode

TYPING_SECONDS: Final = 25  # WhatsApp ends the typing indicator then
MESSAGES: Final = next(machine.name for machine in MACHINES)  # the machine that answers people
WEBHOOKS_KEPT: Final = 400
STAFF: Final = "a staff member: gets the requests of parents; “requests”, “passes …”, “today”, “help”"

Render = Callable[[Chat, Bubble], str]


class ConsoleState:
    """Filled by the sources; read by the pages. Safe to share between threads."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.running = StackClient(plan)
        self.school = load_school(plan.config)
        self.boot = secrets.token_hex(4)  # another one after each start: how a page notices that it is out of date
        self.feed = EventLog(kept=1000)
        self.runs = Runs()
        self.chats = Chats([])
        self.render: Render = lambda _chat, _bubble: ""  # set by the pages
        # Message id -> when the webhook request began and ended; of the latest messages.
        self.webhooks: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.RLock()

    @property
    def has_people(self) -> bool:
        return any(self.chats)

    def load_people(self) -> None:
        """The people of the sample school; the stack must be running."""
        sample = self.running.world("GET", "/sample")
        with self._lock:
            if not self.has_people:
                self.chats = Chats(people(sample, self.school, self.plan.office))

    # --- what a person does ------------------------------------------------------------------------------------------

    def send(self, chat: Chat, content: Content, reply_to: str | None = None) -> str:
        """Send a message as that person, in the background; its id."""
        message_id = new_message_id()
        bubble = Bubble(message_id, True, time.time(), content)
        if content["type"] == "reaction":
            self._react(chat, content["reaction"])
        else:
            self._add(chat, bubble)
        person = chat.person
        name = person.name if person.name != person.phone else "Tendai Moyo"
        parent = Parent(person.phone, person.user_id, name)
        arguments = (chat, bubble, parent, content, reply_to)
        threading.Thread(target=self._deliver, args=arguments, daemon=True).start()
        return message_id

    def _deliver(self, chat: Chat, bubble: Bubble, parent: Parent, content: Content, reply_to: str | None) -> None:
        raw = encode(parent.webhook_body(content, bubble.id, reply_to))
        try:
            self.running.world(
                "POST", "/inbound", {"from": parent.phone} if parent.phone else {"user_id": parent.bsuid}
            )
            self.set_ticks(chat, bubble, "sent")
            start = time.time()
            status, _ = post_webhook(self.running, raw)
            self._keep_webhook(bubble.id, start, time.time())
            self.set_ticks(chat, bubble, "delivered" if status == 200 else "failed")
        except (OSError, NotRunning):
            self.set_ticks(chat, bubble, "failed")

    def _keep_webhook(self, message_id: str, start: float, stop: float) -> None:
        with self._lock:
            self.webhooks[message_id] = (start, stop)
            if len(self.webhooks) > WEBHOOKS_KEPT:
                self.webhooks.popitem(last=False)

    def _react(self, chat: Chat, reaction: Mapping[str, Any]) -> None:
        bubble = chat.find(str(reaction["message_id"]))
        if bubble:
            bubble.reaction = str(reaction.get("emoji", ""))
            about = {"address": chat.person.address, "id": bubble.id, "emoji": bubble.reaction}
            self.feed.publish("reaction", about)

    def _add(self, chat: Chat, bubble: Bubble) -> None:
        with self._lock:
            self.chats.add(chat, bubble)
        self.feed.publish(
            "bubble",
            {
                "address": chat.person.address,
                "id": bubble.id,
                "mine": bubble.mine,
                "preview": bubble.preview,
                "time": bubble.time,
                "name": chat.person.name,
                "html": self.render(chat, bubble),
            },
        )

    def set_ticks(self, chat: Chat, bubble: Bubble, ticks: str) -> None:
        if advance(bubble, ticks):
            self.feed.publish("ticks", {"address": chat.person.address, "id": bubble.id, "ticks": bubble.ticks})

    def set_typing(self, chat: Chat, is_typing: bool) -> None:
        if chat.is_typing != is_typing:
            chat.is_typing = is_typing
            about = {"address": chat.person.address, "on": is_typing, "seconds": TYPING_SECONDS}
            self.feed.publish("typing", about)

    # --- what the stack reports --------------------------------------------------------------------------------------

    def on_message(self, message: Mapping[str, Any]) -> None:
        """WhatsApp accepted a message of the product."""
        chat = self.chats.open(message["to"], message["user_id"])
        body = message["body"]
        if body.get("type") == "reaction":
            self._react(chat, body["reaction"])
            return
        self.set_typing(chat, False)
        self._add(chat, Bubble(message["id"], False, message["time"], body, message.get("document")))

    def on_call(self, call: Mapping[str, Any]) -> None:
        """A service was called; the typing indicator also marks the message as read."""
        if (call["service"], call["operation"]) != ("graph", "typing") or call["status"] != 200:
            return
        found = self.chats.with_message(call["detail"])
        if found:
            chat, bubble = found
            self.set_ticks(chat, bubble, "read")
            answered = chat.last is not None and not chat.last.mine and chat.last.time > bubble.time
            self.set_typing(chat, not answered)

    def on_execution(self, summary: Mapping[str, Any]) -> None:
        """A run has begun or ended."""
        row = self.runs.put(summary)
        message = summary.get("message") or {}
        message_id = summary.get("message_id")
        if summary["machine"] == MESSAGES and message_id:
            self._show_message(str(message_id), message, summary)
        self.feed.publish("run", row)

    def _show_message(self, message_id: str, message: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
        """The message that started a run, in its sender's chat; it may have been sent from the command line."""
        found = self.chats.with_message(message_id)
        if not found and (message.get("phone") or message.get("bsuid")) and message.get("type") != "reaction":
            chat = self.chats.open(message.get("phone"), message.get("bsuid"), str(message.get("profile_name", "")))
            bubble = Bubble(message_id, True, float(summary.get("sent") or summary["start"]), content_of(message))
            bubble.ticks, bubble.run = "delivered", summary["name"]
            self._add(chat, bubble)
        elif found:
            chat, bubble = found
            if bubble.run != summary["name"]:
                bubble.run = summary["name"]
                about = {"address": chat.person.address, "id": bubble.id, "run": bubble.run}
                self.feed.publish("started", about)
            if summary["status"] != "RUNNING":
                self.set_typing(chat, False)

    def on_state(self, state: Mapping[str, Any]) -> None:
        """A state of a run has begun, was tried again, or ended."""
        self.feed.publish("state", state)

    def on_world(self, _: Any) -> None:
        """Delays or faults have changed."""
        self.feed.publish("world", {})


def people(sample: list[dict[str, Any]], school: School, office: str) -> list[Person]:
    """Those to write as: parents of the sample, a visitor, the office and other staff."""
    found = [
        Person(
            name=parent["name"],
            situation=parent["situation"],
            phone=parent["phone"],
            user_id=parent["user_id"],
            suggestion=parent["try"],
            number_on_record=parent["number_on_record"],
            children=tuple(parent["children"]),
        )
        for parent in sample
    ]
    staff = [Person(f"Staff {number}", STAFF, number, suggestion="help") for number in school.office.staff]
    return [*found, Person("The office", STAFF, office, suggestion="requests"), *staff]
