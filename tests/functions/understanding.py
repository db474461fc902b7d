"""Messages as the queue carries them, and what `understand` makes of them."""

import time
from typing import Any

from functions import understand

RUDO, TARIRO = "+263772100001", "SSC20250001"  # one child
TAPIWA = "+263772100009"  # three children
VISITOR = "+263772900001"
TERM = "2026-3"
FIGURES = {"bills": [{"fee_type": "Tuition", "amount": "400.00", "date": "2026-09-07"}], "payments": []}


def message(
    text: str | None = "hi", phone: str | None = RUDO, message_id: str = "wamid.1", **more: Any
) -> dict[str, Any]:
    """One message of this moment, without the fields that are None."""
    found = {"id": message_id, "type": "text", "timestamp": int(time.time()), "phone": phone, "text": text, **more}
    return {key: value for key, value in found.items() if value is not None}


def understood(
    text: str | None = "hi", phone: str | None = RUDO, message_id: str = "wamid.1", **more: Any
) -> dict[str, Any]:
    """What `understand` returns for one message."""
    event: dict[str, Any] = {name: more.pop(name) for name in ("receive_count", "run") if name in more}
    return understand.handler({"message": message(text, phone, message_id, **more), **event}, None)
