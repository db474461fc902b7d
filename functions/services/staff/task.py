"""One command of one message, with what its use case needs."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import Connection

from functions.adapters.cache.sender_cache import SenderCache
from functions.domain.messages import Message
from functions.domain.staff import Command


@dataclass(frozen=True)
class Task:
    """Runs within one transaction; what the cache must know is written after its commit."""

    message: Message
    command: Command
    connection: Connection
    senders: SenderCache
    now: datetime  # in the school's time zone
    is_repeat: bool  # the message was delivered before
    after_commit: list[Callable[[], Any]] = field(default_factory=list)

    @property
    def number(self) -> int | None:
        """Of the request that the command is about."""
        return int(self.command.about) if self.command.about else None
