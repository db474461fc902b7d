"""The queues of the catalog: a FIFO queue for each state machine that has one, and the events; with dead letters."""

import json
from collections.abc import Iterable
from typing import Any, Final

from moto.sqs.models import Queue, SQSBackend

from infra.catalog import EVENT_RECEIVES, FUNCTIONS, MESSAGE_RECEIVES, Machine, Trigger
from local.plan import EVENTS_QUEUE

RETENTION_SECONDS: Final = 14 * 86400  # of dead letters
EVENTS_VISIBILITY_SECONDS: Final = 6 * max(item.timeout for item in FUNCTIONS if item.trigger is Trigger.QUEUE)
_FIFO: Final[dict[str, Any]] = {"FifoQueue": "true"}
_HIGH_THROUGHPUT: Final[dict[str, Any]] = {
    "DeduplicationScope": "messageGroup",
    "FifoThroughputLimit": "perMessageGroupId",
}


class Queues:
    """All queues of the account, by name: `messages.fifo` and `messages-dead.fifo`, `events` and `events-dead`."""

    def __init__(self, backend: SQSBackend, machines: Iterable[Machine]) -> None:
        self.backend = backend
        self.all: dict[str, Queue] = {}
        self._sources: dict[str, str] = {}  # name of a dead-letter queue -> name of its queue
        for machine in machines:
            if machine.queue:
                name, dead = f"{machine.queue}.fifo", f"{machine.queue}-dead.fifo"
                self._create(name, dead, MESSAGE_RECEIVES, machine.visibility_seconds, _FIFO, _HIGH_THROUGHPUT)
        self._create(EVENTS_QUEUE, f"{EVENTS_QUEUE}-dead", EVENT_RECEIVES, EVENTS_VISIBILITY_SECONDS, {}, {})

    def _create(
        self, name: str, dead_name: str, receives: int, visibility: int, kind: dict[str, Any], more: dict[str, Any]
    ) -> None:
        dead = self.backend.create_queue(dead_name, **kind, MessageRetentionPeriod=RETENTION_SECONDS)
        redrive = {"deadLetterTargetArn": dead.queue_arn, "maxReceiveCount": receives}
        queue = self.backend.create_queue(name, **kind, **more, VisibilityTimeout=visibility, RedrivePolicy=redrive)
        self.all |= {dead_name: dead, name: queue}
        self._sources[dead_name] = name

    def __getitem__(self, name: str) -> Queue:
        return self.all[name]

    def counts(self) -> dict[str, dict[str, int]]:
        """Visible and in-flight messages of each queue."""
        return {name: _counts(queue) for name, queue in self.all.items()}

    def forget_duplicates(self) -> None:
        """As if the five minutes were over in which a FIFO queue knows a message that is sent again."""
        for queue in self.all.values():
            queue.__dict__.pop("deduplication_ids", None)

    def redrive(self) -> int:
        """Move all dead letters back to their queues; how many there were."""
        moved = 0
        for dead_name, name in self._sources.items():
            dead, queue = self.all[dead_name], self.all[name]
            with dead._messages_lock:
                messages, dead._messages = dead._messages, []
                dead.pending_messages.clear()
            with queue._messages_lock:
                for message in messages:
                    message.visible_at = 0
                    queue.add_message(message)  # before the count is reset: it marks the message as moved, not sent
                    message.approximate_receive_count = 0
            moved += len(messages)
        return moved

    def send_message(self, arguments: dict[str, Any]) -> dict[str, Any]:
        """The task `arn:aws:states:::sqs:sendMessage` of a state machine."""
        message = self.backend.send_message(
            str(arguments["QueueUrl"]).rpartition("/")[2],
            arguments["MessageBody"],
            arguments.get("MessageAttributes"),
            arguments.get("DelaySeconds"),
            arguments.get("MessageDeduplicationId"),
            arguments.get("MessageGroupId"),
        )
        sent = {"MD5OfMessageBody": message.body_md5, "MessageId": message.id}
        return sent | ({"SequenceNumber": message.sequence_number} if message.sequence_number else {})


def _counts(queue: Queue) -> dict[str, int]:
    with queue._messages_lock:
        in_flight = len(queue.pending_messages)
        return {"visible": len(queue._messages) - in_flight, "in_flight": in_flight}


def message_id(body: str) -> str | None:
    """The `id` in the body of a queued message; None if it has none."""
    try:
        return str(json.loads(body)["id"])
    except (ValueError, KeyError, TypeError):
        return None
