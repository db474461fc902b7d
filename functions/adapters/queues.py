"""Sending to SQS."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from functions.adapters.aws import AwsClient
from functions.domain.errors import ServiceError

AT_ONCE = 8  # calls side by side
BATCH = 10
BATCH_BYTES = 240_000  # of 256 KiB


class NotEnqueued(ServiceError):
    """The queue did not take everything; the caller must not say that it has."""


def digest(text: str) -> str:
    """A group or deduplication id: user ids can be longer than SQS allows, and numbers need not be read there."""
    return hashlib.sha256(text.encode()).hexdigest()


class Queue:
    """One SQS queue."""

    def __init__(self, client: AwsClient, url: str) -> None:
        self._client = client
        self._url = url

    def send_in_order(self, items: Sequence[tuple[str, str, Mapping[str, object]]]) -> None:
        """Send (group, deduplication id, body) items to a FIFO queue; raises NotEnqueued unless all were taken.

        The items of a group arrive in the order given: no two calls with items of one group are under way together.
        """
        entries = [
            {
                "MessageBody": json.dumps(body, separators=(",", ":")),
                "MessageGroupId": digest(group),
                "MessageDeduplicationId": digest(name),
            }
            for group, name, body in items
        ]
        self._send([list(_batches(lane)) for lane in _lanes(entries)])

    def send(self, bodies: Iterable[Mapping[str, object]]) -> None:
        """Send bodies to a standard queue; raises NotEnqueued unless all were taken."""
        entries = [{"MessageBody": json.dumps(body, separators=(",", ":"))} for body in bodies]
        self._send([[batch] for batch in _batches(entries)])

    def _send(self, lanes: list[list[list[dict[str, str]]]]) -> None:
        """The lanes side by side, the batches of each one after the other."""

        def send_lane(lane: list[list[dict[str, str]]]) -> None:
            for batch in lane:
                self._send_batch(batch)

        if len(lanes) == 1:
            send_lane(lanes[0])
        elif lanes:
            with ThreadPoolExecutor(max_workers=min(AT_ONCE, len(lanes))) as pool:
                list(pool.map(send_lane, lanes))

    def _send_batch(self, batch: list[dict[str, str]]) -> None:
        entries = [{"Id": str(place), **entry} for place, entry in enumerate(batch)]
        values = {"QueueUrl": self._url, "Entries": entries}
        answer = self._client.call_json("sqs", "SQS", "AmazonSQS.SendMessageBatch", "1.0", values)
        if failed := answer.get("Failed"):
            raise NotEnqueued(f"{len(failed) if isinstance(failed, list) else 'some'} of {len(entries)} not taken")


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
