# mypy: disable-error-code="func-returns-value"
"""Each fault of moto that is patched: still there without the patch, gone with it.

When `test_moto_still_needs` fails, moto has caught up: delete the patch, and its probe in probes.py.
"""

import json
import logging
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from moto.sqs.models import Queue, SQSBackend, sqs_backends

from local import moto_patches
from local.step_functions.errors import InvalidDefinitionError
from local.step_functions.runner import run

PROBES = Path(__file__).with_name("probes.py")
ACCOUNT, REGION = "123456789012", "eu-west-1"

moto_patches.apply()


@cache
def faults() -> dict[str, bool]:
    done = subprocess.run([sys.executable, PROBES], capture_output=True, text=True, timeout=60, check=True)
    found: dict[str, bool] = json.loads(done.stdout)
    return found


@pytest.mark.parametrize("patch", [patch.__name__ for patch in moto_patches.PATCHES])
def test_moto_still_needs(patch: str) -> None:
    assert faults()[patch], f"moto has caught up: remove {patch} from local/moto_patches/"


def test_every_patch_has_a_probe() -> None:
    assert set(faults()) == {patch.__name__ for patch in moto_patches.PATCHES}


def test_a_failed_parse_does_not_affect_the_next() -> None:
    """moto would read the next definition as JSONata inside what the failed one had opened."""
    downgrade = {"A": {"Type": "Pass", "QueryLanguage": "JSONPath", "End": True}}
    broken = json.dumps({"QueryLanguage": "JSONata", "StartAt": "A", "States": downgrade})
    good = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "InputPath": "$.a", "End": True}}})
    with pytest.raises(InvalidDefinitionError):
        run(broken, {}, lambda name, payload: None)
    assert run(good, {"a": 1}, lambda name, payload: None).output == 1


def test_causes_do_not_reach_the_log(caplog: pytest.LogCaptureFixture) -> None:
    states = {"A": {"Type": "Fail", "Error": "E", "Cause": "what the parent wrote"}}
    with caplog.at_level(logging.DEBUG):
        run(json.dumps({"StartAt": "A", "States": states}), {}, lambda name, payload: None)
    assert "what the parent wrote" not in caplog.text


# --- queues -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def backend() -> SQSBackend:
    return SQSBackend(REGION, ACCOUNT)


def fifo(backend: SQSBackend, name: str = "m.fifo", **attributes: Any) -> Queue:
    return backend.create_queue(name, FifoQueue="true", **attributes)


def send(backend: SQSBackend, body: str, group: str = "g", queue: str = "m.fifo") -> None:
    backend.send_message(queue, body, deduplication_id=body, group_id=group)


def test_a_duplicate_is_dropped_even_after_the_first_was_deleted(backend: SQSBackend) -> None:
    queue = fifo(backend)
    send(backend, "one")
    message = backend.receive_message("m.fifo", 1, 0, 30)[0]
    backend.delete_message("m.fifo", str(message.receipt_handle))
    send(backend, "one")
    assert queue._messages == []


@pytest.mark.parametrize(("scope", "kept"), [("queue", 1), ("messageGroup", 2)])
def test_the_same_id_in_two_groups(backend: SQSBackend, scope: str, kept: int) -> None:
    queue = fifo(backend, DeduplicationScope=scope)
    send(backend, "one", "a")
    send(backend, "one", "b")
    assert len(queue._messages) == kept


def test_duplicates_sent_at_the_same_instant_are_one_message(backend: SQSBackend) -> None:
    queue = fifo(backend)
    barrier = threading.Barrier(8)

    def at_once(_: int) -> None:
        barrier.wait()
        send(backend, "one")

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(at_once, range(8)))
    assert len(queue._messages) == 1


def test_no_message_is_lost_while_others_are_deleted(backend: SQSBackend) -> None:
    queue = fifo(backend)
    received: list[str] = []

    def consume() -> None:
        while len(received) < 300:
            for message in backend.receive_message("m.fifo", 10, 0, 30):
                backend.delete_message("m.fifo", str(message.receipt_handle))
                received.append(message.body)

    consumers = [threading.Thread(target=consume, daemon=True) for _ in range(2)]
    for consumer in consumers:
        consumer.start()
    with ThreadPoolExecutor(4) as threads:
        list(threads.map(lambda number: send(backend, str(number), group=str(number % 30)), range(300)))
    for consumer in consumers:
        consumer.join(10)
    assert sorted(received, key=int) == [str(number) for number in range(300)]
    assert queue._messages == []


def test_sequence_numbers_grow(backend: SQSBackend) -> None:
    queue = fifo(backend)
    for number in range(5):
        send(backend, str(number))
    numbers = [int(message.sequence_number or 0) for message in queue._messages]
    assert numbers == sorted(set(numbers))


def test_sending_counts_nothing(backend: SQSBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    fifo(backend)
    backend.create_queue("events")
    counted: list[int] = []
    monkeypatch.setattr(Queue, "messages", property(lambda self: counted.append(1) or []))
    send(backend, "one")
    backend.send_message("events", "one")
    assert counted == []


def test_receiving_counts_nothing_however_many_wait(backend: SQSBackend, monkeypatch: pytest.MonkeyPatch) -> None:
    fifo(backend)
    numbers = [str(number) for number in range(20)]
    for number in numbers:
        send(backend, number, group=number)
    counted: list[int] = []
    monkeypatch.setattr(Queue, "approximate_number_of_messages", property(lambda self: counted.append(1)))
    received = [backend.receive_message("m.fifo", 1, 0, 30)[0] for _ in numbers]
    assert [message.body for message in received] == numbers
    assert backend.receive_message("m.fifo", 1, 0, 30) == []  # all are in hand
    assert counted == []


def test_attributes_are_all_there(backend: SQSBackend) -> None:
    fifo(backend, ContentBasedDeduplication="true")
    backend.create_queue("events")
    send(backend, "one")
    attributes = backend.get_queue_attributes("m.fifo", ["All"])
    assert (attributes["ApproximateNumberOfMessages"], attributes["ContentBasedDeduplication"]) == (1, "true")
    assert "ContentBasedDeduplication" not in backend.get_queue_attributes("events", ["All"])


def test_a_message_can_go_to_the_dead_letter_queue_and_back() -> None:
    backend = sqs_backends[ACCOUNT]["eu-west-3"]
    dead = fifo(backend, "dead.fifo")
    queue = fifo(backend, RedrivePolicy={"deadLetterTargetArn": dead.queue_arn, "maxReceiveCount": 1})
    send(backend, "one")
    backend.receive_message("m.fifo", 1, 0, 0)
    assert backend.receive_message("m.fifo", 1, 0, 0) == []
    assert [message.body for message in dead._messages] == ["one"]
    queue.add_message(dead._messages.pop())
    assert [message.body for message in queue._messages] == ["one"]
