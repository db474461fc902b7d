"""Sends one reply, or its template when WhatsApp's 24-hour window is closed."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from functions.adapters import observability
from functions.adapters.whatsapp.client import BUDGET, Sent, WhatsAppClient
from functions.adapters.whatsapp.error_codes import WINDOW_CLOSED
from functions.domain.deployment import RELEASE_CHECK
from functions.domain.errors import PartlySent, Undeliverable
from functions.domain.people import Person
from functions.domain.replies import Reply, Template

MESSAGE, TEMPLATE = "message", "template"


def no_file() -> bytes:
    raise TypeError("this reply has no file")


@dataclass(frozen=True)
class Outbound:
    """Used by everything that sends."""

    whatsapp: WhatsAppClient

    def send(
        self,
        reply: Reply | None,
        template: Template | None,
        to: Person,
        answer_to: str,
        file: Callable[[], bytes] = no_file,
        parts_sent: int = 0,
    ) -> dict[str, Any]:
        """`{"status": "sent", "reply_id", …}`, or `undeliverable` for someone who cannot be reached, or `incomplete`.

        `incomplete`: the first `parts_sent` messages of a long text were sent; the next call begins after them.

        `reply` None: only the template may be sent. `answer_to`: comes back in delivery statuses. `file`: gives the
        bytes of a document. Other failures are raised as WhatsAppError.
        """
        if to.bsuid == RELEASE_CHECK:
            return {"status": "sent", "form": MESSAGE, "reply_id": None, "messages": 0, "sent_at": int(time.time())}
        try:
            sent, form = self._send(reply or template, template, to, answer_to, file, parts_sent)
        except PartlySent as error:
            return {
                "status": "incomplete",
                "form": MESSAGE,
                "parts_sent": error.parts,
                "reply_id": error.reply_id or None,
            }
        except Undeliverable as error:
            observability.count_by("Undeliverable", code=str(error.code))
            return {"status": "undeliverable", "code": error.code}
        observability.count("RepliesAccepted", sent.messages)
        return {
            "status": "sent",
            "form": form,
            "reply_id": sent.reply_id,
            "messages": sent.messages,
            "media_id": sent.media_id,
            "degraded": sent.degraded,
            "sent_at": int(time.time()),
        }

    def _send(
        self,
        reply: Reply | None,
        template: Template | None,
        to: Person,
        answer_to: str,
        file: Callable[[], bytes],
        parts_sent: int,
    ) -> tuple[Sent, str]:
        """What was accepted, and whether as a `message` or a `template`."""
        if reply is None:
            raise Undeliverable("no approved template", WINDOW_CLOSED)
        deadline = time.monotonic() + BUDGET  # of both
        try:
            form = TEMPLATE if isinstance(reply, Template) else MESSAGE
            return self.whatsapp.send(reply, to, answer_to, file, parts_sent, deadline), form
        except Undeliverable as error:
            if error.code != WINDOW_CLOSED or template is None or isinstance(reply, Template):
                raise
            return self.whatsapp.send(template, to, answer_to, no_file, deadline=deadline), TEMPLATE

    def prewarm(self) -> None:
        """Fetch the access token."""
        self.whatsapp.prewarm()
