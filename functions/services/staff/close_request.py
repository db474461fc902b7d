"""`close 12`: the office is done, and the assistant answers that parent again."""

from typing import Any

from functions.adapters.database.contacts import Contacts
from functions.adapters.database.office_requests import OfficeRequests
from functions.services.staff.task import Task


def run(task: Task) -> dict[str, Any]:
    """`{"number"}`, None where there is no such open request. Without a number: the one quoted, or the latest."""
    requests = OfficeRequests(task.connection)
    closed = requests.close(task.message, task.number)
    if closed is None:
        return {"number": None}
    keys = Contacts(task.connection).keys_of(closed.phone, closed.sender)
    still_open = requests.has_conversation(keys)
    task.after_commit.append(lambda: task.senders.set_handed_to_office(*keys, handed=still_open))
    return {"number": closed.number}
