"""Replies and outcomes for tests of what is shown."""

from dataclasses import replace
from typing import Any

from local.send_message import Outcome

MENU: dict[str, Any] = {
    "type": "interactive",
    "interactive": {
        "type": "list",
        "body": {"text": "Hello *Rudo*, what can I do?"},
        "footer": {"text": "Shining Smiles"},
        "action": {
            "button": "Open menu",
            "sections": [{"rows": [{"id": "v1:balance", "title": "1. Fee balance", "description": "What is owed"}]}],
        },
    },
}
BUTTONS: dict[str, Any] = {
    "type": "interactive",
    "interactive": {
        "type": "button",
        "body": {"text": "Anything else?"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "v1:menu", "title": "Menu"}}]},
    },
}


def state(name: str, start: float, stop: float, inside: str | None = None, error: str | None = None) -> dict[str, Any]:
    return {"name": name, "start": start, "stop": stop, "inside": inside, "ok": error is None, "error": error}


def outcome(**changes: Any) -> Outcome:
    execution = {
        "status": "SUCCEEDED",
        "sent": 100.1,
        "start": 100.12,
        "stop": 102.4,
        "receive_count": 1,
        "error": None,
        "cause": None,
        "timeline": [
            state("Understand", 100.12, 100.2),
            state("Is it urgent?", 100.2, 100.2),
            state("Fetch fees", 100.2, 101.7, "Fetch account"),
            state("Send reply", 101.8, 102.1, error="Graph"),
        ],
    }
    calls = [
        {"service": "graph", "operation": "typing", "start": 100.0, "end": 100.3, "status": 200},
        {"service": "school", "operation": "billed-fees", "start": 100.2, "end": 101.7, "status": 500},
    ]
    replies = [{"time": 102.1, "body": MENU}]
    complete = Outcome("wamid.1", 100.0, 100.15, 200, replies, execution, calls)
    return replace(complete, **changes)
