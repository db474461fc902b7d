"""`reply 12 …`: writes to the parent of a request."""

from datetime import UTC, datetime
from typing import Any

from functions.adapters.database.contacts import Contacts
from functions.adapters.database.office_requests import OfficeRequests
from functions.domain.deliveries import WINDOW
from functions.services.staff.task import Task


def run(task: Task) -> dict[str, Any]:
    """`{"number", "name", "phone", "letter"}`; the number is None where there is no such open request.

    The conversation stays with the office for 12 hours from now.
    """
    requests = OfficeRequests(task.connection)
    request = requests.find_open(task.number or 0)
    if request is None:
        return {"number": None}
    phone, bsuid = request.keys
    now = datetime.now(UTC)
    is_open = request.last_message_at is not None and request.last_message_at > now - WINDOW
    letter = {
        "kind": "reply",
        "phone": phone,
        "bsuid": bsuid,
        "words": task.command.words,
        "as_template": not is_open,
    }
    if is_open:
        keys = Contacts(task.connection).keys_of(phone, bsuid)
        requests.record_answer(task.message.id, keys, phone, now)
        task.after_commit.append(lambda: task.senders.set_handed_to_office(*keys, handed=True))
    return {"number": request.number, "name": request.name, "phone": phone, "letter": letter}
