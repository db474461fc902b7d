"""The phone, what is sent from it, and the run beside it."""

from datetime import date
from pathlib import Path
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from infra.catalog import MACHINES
from local.console import tour
from local.console.chats import Chat
from local.console.pages.rendering import FOLDER, Rendering
from local.console.state import MESSAGES, ConsoleState
from local.http_client import send
from local.parent import KINDS, Content, button_tap, row_tap
from local.school_date import day_inside_a_term, today
from local.send_message import choices
from local.stack_client import Refused

SAMPLES: Final = {  # kind -> file, media type
    "sample-voice": ("voice-note.ogg", "audio/ogg; codecs=opus"),
    "sample-picture": ("receipt.jpg", "image/jpeg"),
}
KIND_OF_MEDIA: Final = {"audio": "voice", "image": "image", "video": "video"}  # else a document


class ConversationPages:
    """Handlers that wait for the stack are ordinary functions: Starlette runs them in threads."""

    def __init__(self, state: ConsoleState, rendering: Rendering) -> None:
        self._state, self._rendering = state, rendering

    @property
    def routes(self) -> list[BaseRoute]:
        return [
            Route("/", self.conversation),
            Route("/console", self.conversation),
            Route("/console/runs/{name}", self.conversation),
            Route("/console/chats/{address}", self.phone),
            Route("/console/chats/{address}/messages", self.send_message, methods=["POST"]),
        ]

    def conversation(self, request: Request) -> Response:
        """`/console/runs/<name>` shows that run and its sender's phone; `?with=<address>` another phone."""
        chats = list(self._state.chats)
        guest = tour.guest([chat.person for chat in chats])
        name = request.path_params.get("name")
        run = self._state.runs.get(name) if name else None
        chat = self._state.chats.get(request.query_params.get("with", guest.address))
        if run and run["message_id"]:
            found = self._state.chats.with_message(run["message_id"])
            chat = found[0] if found else chat
        return self._rendering.page(
            "conversation.html",
            "chat",
            chats=chats,
            chat=chat or self._state.chats.get(guest.address),
            run=run,
            missing_run=name if name and not run else None,
            machine=run["machine"] if run else MESSAGES,
            machines=[machine.name for machine in MACHINES],
            steps=tour.STEPS,
            day=self._other_day(),
            guest=guest,
        )

    def _other_day(self) -> date | None:
        """In the holidays a day for the tour, since there are no gate passes; None if today is one."""
        return day_inside_a_term(self._state.school, today(self._state.running))

    def phone(self, request: Request) -> Response:
        return self._rendering.part("phone.html", chat=self._chat(request))

    def _chat(self, request: Request) -> Chat:
        address = request.path_params["address"]
        chat = self._state.chats.get(address)
        if chat is None and address.isdecimal() and 7 <= len(address) <= 15:
            chat = self._state.chats.open(f"+{address}")
        if chat is None:
            raise HTTPException(404, "No such person.")
        return chat

    async def send_message(self, request: Request) -> Response:
        """A text, a tap, a reaction, a shared number, or a file: as that person's phone would send it."""
        chat = self._chat(request)
        async with request.form(max_files=1) as form:
            fields = {name: str(value) for name, value in form.items() if isinstance(value, str)}
            upload = form.get("file")
            file, media_type = b"", ""
            if upload is not None and not isinstance(upload, str):
                file, media_type = await upload.read(), upload.content_type or "application/octet-stream"
        content = await run_in_threadpool(self._content, chat, fields, file, media_type)
        message_id = self._state.send(chat, content, fields.get("reply_to") or None)
        return JSONResponse({"id": message_id})

    def _content(self, chat: Chat, fields: dict[str, str], file: bytes, media_type: str) -> Content:
        kind, words = fields.get("kind", "text"), fields.get("text", "").strip()
        if kind == "tap":
            return _tap(chat, fields)
        if kind in SAMPLES:
            name, media_type = SAMPLES[kind]
            file = Path(FOLDER, "static", "samples", name).read_bytes()
        if file:
            return self._media(file, media_type, words)
        if kind not in KINDS:
            raise Refused(f"kind: expected one of {', '.join([*KINDS, 'tap', *SAMPLES])}")
        if kind == "text" and not words:
            raise Refused("text: expected some words")
        if kind == "my-number":
            words = chat.person.number_on_record or chat.person.phone or ""
        content = KINDS[kind](words)
        if kind == "reaction":
            content["reaction"]["message_id"] = fields.get("reply_to", "")
        return content

    def _media(self, file: bytes, media_type: str, words: str) -> Content:
        """The message of a file, which the product can download from WhatsApp."""
        answer = send("POST", f"{self._state.plan.world_url}/media", body=file, headers={"Content-Type": media_type})
        content = KINDS[KIND_OF_MEDIA.get(media_type.split("/")[0], "document")](words)
        content[content["type"]] |= {"id": answer.json()["id"], "mime_type": media_type}
        return content


def _tap(chat: Chat, fields: dict[str, str]) -> Content:
    """The tap on a choice of a message in the chat, however old it is."""
    bubble = chat.find(fields.get("reply_to", ""))
    offered = choices(bubble.body) if bubble and not bubble.mine else []
    chosen = next((choice for choice in offered if choice["id"] == fields.get("choice")), None)
    if bubble is None or chosen is None:
        raise Refused("choice: expected one of the message that it is tapped in")
    if bubble.body["interactive"]["type"] == "list":
        return row_tap(chosen["id"], chosen["title"], chosen.get("description", ""))
    return button_tap(chosen["id"], chosen["title"])
