# mypy: disable-error-code="attr-defined, method-assign, assignment, index, typeddict-item, union-attr, no-untyped-call"
"""Corrections of moto's queues."""

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from copy import copy
from functools import cached_property
from typing import Any, Final

from moto.sqs import models as sqs_models
from moto.sqs.models import Queue, SQSBackend

DEDUPLICATION_SECONDS: Final = 300


def lock_queues() -> None:
    """moto loses messages that arrive while another is deleted, since it replaces the list without its lock.

    It also forgets a deduplication id when its message is deleted; AWS remembers it for five minutes. Of FIFO
    deduplication it has only the part within the queue (https://github.com/getmoto/moto/issues/1438).
    """
    delete, receive = Queue.delete_message, SQSBackend.receive_message
    sequence = itertools.count(18_850_000_000_000_000_000)

    def add(self: Queue, message: Any) -> None:
        with self._messages_lock:
            moved = message.approximate_receive_count > 0  # to a dead-letter queue or back, which is not a duplicate
            if self.fifo_queue:
                if not moved and message.deduplication_id and not _first_of_its_id(self, message):
                    return
                message.sequence_number = str(next(sequence))  # increases, as on AWS
            self._messages.append(message)
            self._messages_lock.notify_all()
        _notify(self)

    def delete_locked(self: Queue, receipt_handle: str) -> None:
        with self._messages_lock:
            delete(self, receipt_handle)
        _notify(self)

    def receive_locked(self: SQSBackend, queue_name: str, count: int, wait: int, *more: Any, **options: Any) -> Any:
        with self.get_queue(queue_name)._messages_lock:
            return receive(self, queue_name, count, wait, *more, **options)

    Queue.add_message = add
    Queue.delete_message = delete_locked
    SQSBackend.receive_message = receive_locked


def count_messages_when_asked() -> None:
    """moto counts all messages of a queue nine times to look up one setting: 20 ms for each send when 500 wait."""
    attributes = Queue.attributes

    class LazyAttributes(Mapping[str, Any]):
        def __init__(self, queue: Queue) -> None:
            self._queue = queue

        @cached_property
        def _all(self) -> dict[str, Any]:
            found: dict[str, Any] = attributes.fget(self._queue)
            return found

        def __getitem__(self, name: str) -> Any:
            if name != "ContentBasedDeduplication":
                return self._all[name]
            if not self._queue.fifo_queue:
                raise KeyError(name)
            return str(self._queue.content_based_deduplication).lower()

        def __iter__(self) -> Iterator[str]:
            return iter(self._all)

        def __len__(self) -> int:
            return len(self._all)

    Queue.attributes = property(LazyAttributes)


def receive_without_counting() -> None:
    """With 600 messages waiting, moto takes 35 ms to receive one; after this 0.3 ms.

    It looks up a setting of the queue for each message that it returns, and so counts all messages; it makes two
    datetimes for each message that waits; and it makes deep copies of what is only read or replaced.
    """

    def is_kept(self: SQSBackend, queue_name: str, message: Any) -> bool:
        kept = self.get_queue(queue_name).message_retention_period
        return bool(kept + message.sent_timestamp / 1000 > time.time())

    def milliseconds() -> float:
        return time.time() * 1000

    SQSBackend.is_message_valid_based_on_retention_period = is_kept
    sqs_models.deepcopy = copy
    sqs_models.unix_time = time.time
    sqs_models.unix_time_millis = milliseconds


def _first_of_its_id(queue: Queue, message: Any) -> bool:
    """Whether this id was not sent within the last five minutes: to the group or to the queue, as its scope says."""
    per_group = getattr(queue, "deduplication_scope", "queue") == "messageGroup"
    key = (message.group_id if per_group else None, message.deduplication_id)
    seen: dict[Any, float] = queue.__dict__.setdefault("deduplication_ids", {})
    now = time.monotonic()
    for old in [old for old, until in seen.items() if until < now] if len(seen) > 10_000 else []:
        del seen[old]
    if seen.get(key, 0) > now:
        return False
    seen[key] = now + DEDUPLICATION_SECONDS
    return True


def _notify(queue: Queue) -> None:
    on_change: Callable[[], None] | None = getattr(queue, "on_change", None)
    if on_change:
        on_change()


PATCHES: Final[tuple[Callable[[], None], ...]] = (
    lock_queues,
    count_messages_when_asked,
    receive_without_counting,
)
