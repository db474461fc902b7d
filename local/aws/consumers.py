"""EventBridge Pipes and Lambda's event source mapping, for moto's queues in moto's process.

A new message wakes them, so that none waits for the next poll.
"""

import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final

from moto.sqs.models import Message, Queue, SQSBackend

from local.plan import REGION
from local.step_functions.errors import FunctionError, InvokeError

log = logging.getLogger(__name__)

EXECUTIONS_AT_ONCE: Final = 50
BATCHES_AT_ONCE: Final = 5
BATCH_SIZE: Final = 10
BATCH_SECONDS: Final = 0.2
WAKE_SECONDS: Final = 0.1  # between checks for messages whose visibility timeout is over

Record = dict[str, Any]


class Consumer:
    """Receives batches from one queue and handles each in a thread, up to `at_once` of them in parallel.

    `handle` gets the records of a batch and returns the ids of those that succeeded, which are deleted. The others are
    visible again after `retry_seconds` and become dead letters after the queue's maxReceiveCount.
    """

    def __init__(
        self,
        backend: SQSBackend,
        queue: Queue,
        handle: Callable[[list[Record]], set[str]],
        *,
        batch_size: int,
        batch_seconds: float,
        at_once: int,
        retry_seconds: int,
    ) -> None:
        self._backend, self._queue, self._handle = backend, queue, handle
        self._batch_size, self._batch_seconds, self._retry_seconds = batch_size, batch_seconds, retry_seconds
        self._changed = threading.Event()
        self._slots = threading.Semaphore(at_once)
        self._threads = ThreadPoolExecutor(at_once, thread_name_prefix=queue.name)
        self._receiver = threading.Thread(target=self._receive_forever, name=f"{queue.name} consumer", daemon=True)
        self._stopping = False
        self.is_paused = False  # as a stopped pipe: messages stay in the queue
        queue.on_change = self._changed.set  # type: ignore[attr-defined]

    def start(self) -> None:
        self._receiver.start()

    def stop(self) -> None:
        """Receive no more messages; those in flight are finished."""
        self._stopping = True
        self._changed.set()
        if self._receiver.is_alive():
            self._receiver.join()
        self._threads.shutdown(wait=False)

    def _receive_forever(self) -> None:
        while not self._stopping:
            if not self._slots.acquire(timeout=WAKE_SECONDS):
                continue
            self._changed.clear()
            messages = [] if self.is_paused else self._receive(self._batch_size)
            if messages:
                self._threads.submit(self._process, self._fill_batch(messages))
            else:
                self._slots.release()
                self._changed.wait(WAKE_SECONDS)

    def _receive(self, count: int) -> list[Message]:
        visibility = self._queue.visibility_timeout  # type: ignore[attr-defined]
        return self._backend.receive_message(self._queue.name, count, 0, visibility, ["All"])

    def _fill_batch(self, messages: list[Message]) -> list[Message]:
        until = time.monotonic() + self._batch_seconds
        while len(messages) < self._batch_size and (left := until - time.monotonic()) > 0:
            self._changed.wait(left)
            self._changed.clear()
            messages += self._receive(self._batch_size - len(messages))
        return messages

    def _process(self, messages: list[Message]) -> None:
        succeeded: set[str] = set()
        try:
            succeeded = self._handle([self._record(message) for message in messages])
        except (FunctionError, InvokeError) as error:
            log.warning("%s: %s", self._queue.name, error)
        except Exception:
            log.exception("%s", self._queue.name)
        finally:
            for message in messages:
                if message.id in succeeded:
                    self._backend.delete_message(self._queue.name, str(message.receipt_handle))
                else:
                    self._make_visible_later(message)
            self._slots.release()
            self._changed.set()

    def _make_visible_later(self, message: Message) -> None:
        handle = str(message.receipt_handle)
        self._backend.change_message_visibility(self._queue.name, handle, self._retry_seconds)

    def _record(self, message: Message) -> Record:
        """The message in the form in which pipes and event source mappings pass it on."""
        attributes = {
            "ApproximateReceiveCount": str(message.approximate_receive_count),
            "SentTimestamp": str(message.sent_timestamp),
            "SenderId": message.sender_id,
            "ApproximateFirstReceiveTimestamp": str(message.approximate_first_receive_timestamp),
        }
        if self._queue.fifo_queue:
            attributes |= {
                "SequenceNumber": str(message.sequence_number),
                "MessageGroupId": str(message.group_id),
                "MessageDeduplicationId": str(message.deduplication_id),
            }
        return {
            "messageId": message.id,
            "receiptHandle": message.receipt_handle,
            "body": message.body,
            "attributes": attributes,
            "messageAttributes": {
                name: {
                    "stringValue": value.get("StringValue"),
                    "stringListValues": [],
                    "binaryListValues": [],
                    "dataType": value.get("DataType"),
                }
                for name, value in message.message_attributes.items()
            },
            "md5OfBody": message.body_md5,
            "eventSource": "aws:sqs",
            "eventSourceARN": self._queue.queue_arn,
            "awsRegion": REGION,
        }


def pipe(
    backend: SQSBackend,
    queue: Queue,
    execute: Callable[[list[Record]], bool],
    *,
    retry_seconds: int,
    at_once: int = EXECUTIONS_AT_ONCE,
) -> Consumer:
    """A pipe: one message into one synchronous execution, in order within a group; deleted only if that succeeded."""

    def handle(records: list[Record]) -> set[str]:
        return {record["messageId"] for record in records} if execute(records) else set()

    return Consumer(
        backend,
        queue,
        handle,
        batch_size=1,
        batch_seconds=0,
        at_once=at_once,
        retry_seconds=retry_seconds,
    )


def event_source_mapping(
    backend: SQSBackend, queue: Queue, invoke: Callable[[dict[str, Any]], Any], *, retry_seconds: int
) -> Consumer:
    """Lambda's mapping: batches into a function that reports which messages failed (ReportBatchItemFailures)."""

    def handle(records: list[Record]) -> set[str]:
        sent = {record["messageId"] for record in records}
        return sent - failed_items(invoke({"Records": records}), sent)

    return Consumer(
        backend,
        queue,
        handle,
        batch_size=BATCH_SIZE,
        batch_seconds=BATCH_SECONDS,
        at_once=BATCHES_AT_ONCE,
        retry_seconds=retry_seconds,
    )


def failed_items(answer: Any, sent: set[str]) -> set[str]:
    """The ids that the answer reports as failed; all of them if the report is malformed, as on AWS."""
    failures = answer.get("batchItemFailures") if isinstance(answer, dict) else None
    if not failures:
        return set()
    ids = {str(item.get("itemIdentifier")) if isinstance(item, dict) else "" for item in failures}
    return ids if ids <= sent else sent
