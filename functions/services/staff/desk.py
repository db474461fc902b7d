"""Carries out a command of the school's staff, and records who gave it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from functions.adapters import clock, observability
from functions.adapters.cache.sender_cache import SenderCache
from functions.adapters.database.connection import Database
from functions.adapters.database.message_log import MessageLog
from functions.adapters.database.staff_actions import StaffActions
from functions.domain.conversation import Plan
from functions.domain.errors import InvalidRequest
from functions.domain.messages import STAFF_LETTER, Message
from functions.domain.people import Person
from functions.domain.school import School
from functions.domain.staff import Command
from functions.services.staff import (
    allow_pass,
    close_request,
    count_today,
    list_passes,
    list_problems,
    list_requests,
    reply_to_parent,
    revoke_pass,
)
from functions.services.staff.task import Task

USE_CASES: Final[Mapping[str, Callable[[Task], dict[str, Any]]]] = {
    "requests": list_requests.run,
    "reply": reply_to_parent.run,
    "close": close_request.run,
    "passes": list_passes.run,
    "revoke": revoke_pass.run,
    "allow": allow_pass.run,
    "problems": list_problems.run,
    "today": count_today.run,
}


@dataclass(frozen=True)
class Order:
    """A command, and who gave it."""

    message: Message
    command: Command
    phone: str | None  # E.164

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "Order":
        """From `{"message", "person", "plan"}`; InvalidRequest names the field."""
        person, command = Person.read(event.get("person")), Plan.read(event["plan"]).command
        if command is None or command.name not in USE_CASES:
            raise InvalidRequest("plan.command", "one of " + ", ".join(USE_CASES))
        return cls(Message.read(event.get("message")), command, person.phone)


@dataclass(frozen=True)
class StaffDesk:
    """One transaction for each command."""

    database: Database
    senders: SenderCache
    school: School

    def carry_out(self, order: Order) -> dict[str, Any]:
        """What the use case found or did. `letter`: what a parent is to be told now, None for nothing.

        `delivered`: how the parent was told by an earlier try of the same message. InvalidRequest for anyone else.
        """
        message, command = order.message, order.command
        if order.phone is None or not self.school.office.is_staff(order.phone):
            raise InvalidRequest("person.phone", "a number of [office] staff")
        with self.database.writer() as connection:
            recorded = StaffActions(connection).record(message.id, order.phone, command)
            now = clock.now(self.school.timezone)
            task = Task(message, command, connection, self.senders, now, recorded.is_repeat)
            result = USE_CASES[command.name](task)
            delivered = recorded.delivered
            if recorded.is_repeat and MessageLog(connection).was_answered(f"{message.id}{STAFF_LETTER}"):
                delivered = delivered or "message"  # its delivery status has come
        for write in task.after_commit:
            write()
        observability.logger().info("staff command", command=command.name, staff=recorded.staff[:16])
        if delivered:
            return result | {"letter": None, "delivered": delivered}
        return {"letter": None} | result
