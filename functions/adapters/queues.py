"""Sending to SQS."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from functions.adapters import aws
from functions.domain.errors import ServiceError

BATCH = 10
BATCH_BYTES = 240_000  # of 256 KiB


class NotEnqueued(ServiceError):
    """The queue did not take everything; the caller must not say that it has."""


def digest(text: str) -> str:
    """A group or deduplication id: user ids can be longer than SQS allows, and numbers need not be read there."""
    return hashlib.sha256(text.encode()).hexdigest()


def send_in_order(queue_url: str, items: Sequence[tuple[str, str, Mapping[str, object]]]) -> None:
    """Send (group, deduplication id, body) items to a FIFO queue; raises NotEnqueued unless all were taken."""
    entries = [
        {
            "MessageBody": json.dumps(body, separators=(",", ":")),
            "MessageGroupId": digest(group),
            "MessageDeduplicationId": digest(name),
        }
        for group, name, body in items
    ]
    _send(queue_url, entries)


def send(queue_url: str, bodies: Iterable[Mapping[str, object]]) -> None:
    """Send bodies to an ordinary queue; raises NotEnqueued unless all were taken."""
    _send(queue_url, [{"MessageBody": json.dumps(body, separators=(",", ":"))} for body in bodies])


def _send(queue_url: str, entries: list[dict[str, str]]) -> None:
    batches = list(_batches(entries))
    if len(batches) == 1:
        _send_batch(queue_url, batches[0])
    elif batches:
        with ThreadPoolExecutor(max_workers=min(8, len(batches))) as pool:
            list(pool.map(lambda batch: _send_batch(queue_url, batch), batches))


def _batches(entries: list[dict[str, str]]) -> Iterable[list[dict[str, str]]]:
    """At most ten entries and 256 KiB a batch."""
    batch: list[dict[str, str]] = []
    size = 0
    for entry in entries:
        length = len(entry["MessageBody"])  # JSON is ASCII: characters are bytes
        if batch and (len(batch) == BATCH or size + length > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(entry)
        size += length
    if batch:
        yield batch


def _send_batch(queue_url: str, batch: list[dict[str, str]]) -> None:
    entries = [{"Id": str(place), **entry} for place, entry in enumerate(batch)]
    answer = aws.call_json(
        "sqs", "SQS", "AmazonSQS.SendMessageBatch", "1.0", {"QueueUrl": queue_url, "Entries": entries}
    )
    if failed := answer.get("Failed"):
        raise NotEnqueued(f"{len(failed) if isinstance(failed, list) else 'some'} of {len(entries)} not taken")
