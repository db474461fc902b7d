"""The pipe and the event source mapping, on moto's queues without HTTP."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from moto.sqs.models import Queue, SQSBackend

from local import moto_patches
from local.aws import consumers
from tests.conftest import eventually

moto_patches.apply()


@pytest.fixture
def backend() -> SQSBackend:
    return SQSBackend("eu-west-1", "123456789012")


@pytest.fixture
def queue(backend: SQSBackend) -> Queue:
    return backend.create_queue("messages.fifo", FifoQueue="true", VisibilityTimeout=30)


@pytest.fixture
def running() -> Iterator[Callable[[consumers.Consumer], None]]:
    started: list[consumers.Consumer] = []

    def start(consumer: consumers.Consumer) -> None:
        started.append(consumer)
        consumer.start()

    yield start
    for consumer in started:
        consumer.stop()


def send(backend: SQSBackend, number: int, group: str = "") -> None:
    backend.send_message("messages.fifo", str(number), deduplication_id=str(number), group_id=group or str(number))


@pytest.fixture
def no_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who only looked now and then would look too late for `eventually`."""
    monkeypatch.setattr(consumers, "WAKE_SECONDS", 40)


def test_a_new_message_is_received_without_polling(
    backend: SQSBackend, queue: Queue, no_polling: None, running: Any
) -> None:
    done: list[str] = []

    def execute(records: list[consumers.Record]) -> bool:
        done.append(records[0]["body"])
        return True

    running(consumers.pipe(backend, queue, execute, retry_seconds=1))
    for number in range(5):
        time.sleep(0.02)  # nothing to do, so it waits
        send(backend, number)
        eventually(lambda: len(done) == number + 1)  # noqa: B023


def test_no_more_than_fifty_executions_run_at_once(backend: SQSBackend, queue: Queue, running: Any) -> None:
    lock, release = threading.Lock(), threading.Event()
    busy, done, most = 0, 0, 0

    def execute(records: list[consumers.Record]) -> bool:
        nonlocal busy, done, most
        with lock:
            busy += 1
            most = max(most, busy)
        release.wait(60)
        with lock:
            busy -= 1
            done += 1
        return True

    running(consumers.pipe(backend, queue, execute, retry_seconds=1))
    for number in range(60):
        send(backend, number)
    eventually(lambda: busy == consumers.EXECUTIONS_AT_ONCE)
    time.sleep(0.15)
    assert most == consumers.EXECUTIONS_AT_ONCE
    release.set()
    eventually(lambda: done == 60)
    eventually(lambda: not queue._messages)


def test_a_finished_message_makes_the_next_of_its_group_start(
    backend: SQSBackend, queue: Queue, no_polling: None, running: Any
) -> None:
    done: list[str] = []

    def execute(records: list[consumers.Record]) -> bool:
        done.append(records[0]["body"])
        return True

    for number in range(20):
        send(backend, number, group="one parent")
    running(consumers.pipe(backend, queue, execute, retry_seconds=1))
    eventually(lambda: len(done) == 20)
    assert done == [str(number) for number in range(20)]


def test_a_failed_message_delays_only_its_own_group(backend: SQSBackend, queue: Queue, running: Any) -> None:
    seen: list[str] = []
    other_done = threading.Event()

    def execute(records: list[consumers.Record]) -> bool:
        body = records[0]["body"]
        seen.append(body)
        if body == "3":
            other_done.set()
        elif seen.count("1") == 1:
            assert other_done.wait(60)
            return False
        return True

    running(consumers.pipe(backend, queue, execute, retry_seconds=1))
    for number, group in [(1, "a"), (2, "a"), (3, "b")]:
        send(backend, number, group)
    eventually(lambda: len(seen) == 4)
    assert (sorted(seen[:2]), seen[2:]) == (["1", "3"], ["1", "2"])


def test_an_error_in_the_handler_counts_as_a_failure(backend: SQSBackend, queue: Queue, running: Any) -> None:
    tries: list[int] = []

    def execute(records: list[consumers.Record]) -> bool:
        tries.append(1)
        if len(tries) == 1:
            raise RuntimeError("broken")
        return True

    running(consumers.pipe(backend, queue, execute, retry_seconds=0))
    send(backend, 1)
    eventually(lambda: len(tries) == 2)
    eventually(lambda: not queue._messages)


@pytest.mark.parametrize(
    ("patience", "messages"),
    [
        (40, 20),  # a full batch goes without waiting longer
        (0.2, 5),  # a smaller one goes when nothing more comes
    ],
)
def test_a_batch_is_sent_when_full_or_after_the_batch_window(
    backend: SQSBackend, running: Any, monkeypatch: pytest.MonkeyPatch, patience: float, messages: int
) -> None:
    events = backend.create_queue("events")
    batches: list[list[consumers.Record]] = []

    def invoke(event: dict[str, Any]) -> dict[str, Any]:
        batches.append(event["Records"])
        return {"batchItemFailures": []}

    monkeypatch.setattr(consumers, "BATCH_SECONDS", patience)
    mapping = consumers.event_source_mapping(backend, events, invoke, retry_seconds=1)
    if messages >= consumers.BATCH_SIZE:
        running(mapping)
    for number in range(messages):
        backend.send_message("events", str(number))
        time.sleep(0.001)  # one by one
    if messages < consumers.BATCH_SIZE:
        running(mapping)
    eventually(lambda: sum(map(len, batches)) == messages)
    assert {len(records) for records in batches} == {min(messages, consumers.BATCH_SIZE)}
    assert "MessageGroupId" not in str(batches)
    eventually(lambda: not events._messages)


@pytest.mark.parametrize(
    ("answer", "failed"),
    [
        (None, set()),
        ({}, set()),
        ({"batchItemFailures": []}, set()),
        ({"batchItemFailures": [{"itemIdentifier": "a"}]}, {"a"}),
        ({"batchItemFailures": [{"itemIdentifier": "other"}]}, {"a", "b"}),
        ({"batchItemFailures": [{"itemIdentifier": ""}]}, {"a", "b"}),
        ({"batchItemFailures": ["a"]}, {"a", "b"}),
    ],
)
def test_a_malformed_partial_batch_response_means_that_all_failed(answer: Any, failed: set[str]) -> None:
    assert consumers.failed_items(answer, {"a", "b"}) == failed
