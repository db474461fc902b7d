"""Sending to SQS."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from functions.adapters import aws
from functions.domain.errors import ServiceError

AT_ONCE = 8  # calls side by side
BATCH = 10
BATCH_BYTES = 240_000  # of 256 KiB


class NotEnqueued(ServiceError):
    """The queue did not take everything; the caller must not say that it has."""


def digest(text: str) -> str:
    """A group or deduplication id: user ids can be longer than SQS allows, and numbers need not be read there."""
    return hashlib.sha256(text.encode()).hexdigest()


def send_in_order(queue_url: str, items: Sequence[tuple[str, str, Mapping[str, object]]]) -> None:
    """Send (group, deduplication id, body) items to a FIFO queue; raises NotEnqueued unless all were taken.

    A group's items get there in the order given: no two calls with items of one group are under way together.
    """
    entries = [
        {
            "MessageBody": json.dumps(body, separators=(",", ":")),
            "MessageGroupId": digest(group),
            "MessageDeduplicationId": digest(name),
        }
        for group, name, body in items
    ]
    _send(queue_url, [list(_batches(lane)) for lane in _lanes(entries)])


def send(queue_url: str, bodies: Iterable[Mapping[str, object]]) -> None:
    """Send bodies to an ordinary queue; raises NotEnqueued unless all were taken."""
    entries = [{"MessageBody": json.dumps(body, separators=(",", ":"))} for body in bodies]
    _send(queue_url, [[batch] for batch in _batches(entries)])


def _send(queue_url: str, lanes: list[list[list[dict[str, str]]]]) -> None:
    """The lanes side by side, the batches of each one after the other."""

    def send_lane(lane: list[list[dict[str, str]]]) -> None:
        for batch in lane:
            _send_batch(queue_url, batch)

    if len(lanes) == 1:
        send_lane(lanes[0])
    elif lanes:
        with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(lanes))) as pool:
            list(pool.map(send_lane, lanes))


def _lanes(entries: list[dict[str, str]]) -> list[list[dict[str, str]]]:
    """The entries in as many lists as calls may run together, each group whole in one of them."""
    lanes: list[list[dict[str, str]]] = [[] for _ in range(min(AT_ONCE, len(list(_batches(entries)))))]
    lane_of: dict[str, list[dict[str, str]]] = {}
    for entry in entries:
        group = entry["MessageGroupId"]
        lane_of.setdefault(group, min(lanes, key=len)).append(entry)
    return [lane for lane in lanes if lane]


def _batches(entries: Iterable[dict[str, str]]) -> Iterable[list[dict[str, str]]]:
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
