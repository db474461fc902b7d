"""The six steps for a newcomer: what is done, and what to look at."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from local.console.chats import Person

GUEST: Final = "fully paid"  # the situation of the parent who gets a gate pass


@dataclass(frozen=True)
class Step:
    """One step; `action` is what its button does (static/tour.js)."""

    key: str
    title: str
    button: str
    action: str  # say, scan, break
    look_at: str
    words: str = ""


STEPS: Final = (
    Step(
        "hi", "Say hi", "Send “hi”", "say",
        "The typing bubble comes at once, then the menu. On the right, the states of the run light up as they happen; "
        "the bars below show where the time went.",
        "hi",
    ),
    Step(
        "balance", "Ask for the balance", "Send “balance”", "say",
        "Grey bars are other services, blue bars are ours. The menu had the account fetched ahead, so the balance "
        "does not wait for the school's API: only WhatsApp is left.",
        "balance",
    ),
    Step(
        "pass", "Get a gate pass", "Ask for a gate pass", "say",
        "The rules are checked on fresh figures, the pass is recorded, and a PDF with a QR code arrives. Click a state "
        "on the right to see what went in and what came out.",
        "gate pass",
    ),
    Step(
        "scan", "Scan the pass", "Scan the QR code", "scan",
        "This is what the guard sees at the gate: a word and a colour, from the live database.",
    ),
    Step(
        "break", "Break the school's API", "Break it, let an hour pass, ask again", "break",
        "The school's API answers with errors now. The reply still comes: the last known figures, with their date.",
        "balance",
    ),
    Step(
        "retry", "Find the retry, then repair", "Repair the school's API", "repair",
        "In the picture, the state that fetches the account is orange: its error was caught. Click it for the error. "
        "The red bars below are the calls that failed, each tried again. After the repair, ask for the balance once "
        "more: fresh figures.",
    ),
)  # fmt: skip


def guest(people: Iterable[Person]) -> Person:
    """The parent whom the tour follows."""
    parents = [person for person in people if person.children]
    return next((person for person in parents if person.situation.startswith(GUEST)), parents[0])
