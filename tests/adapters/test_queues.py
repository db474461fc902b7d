"""Everything reaches the queue, in batches that SQS takes, or the caller is told."""

import json
import re
import threading
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from functions import dependencies
from functions.adapters import queues
from functions.adapters.aws import AwsClient, AwsError
from functions.adapters.queues import NotEnqueued, Queue
from local.plan import Plan
from tests.conftest import Aws

QUARTER_MEGABYTE = 256 * 1024


@pytest.fixture
def batches(environment: pytest.MonkeyPatch) -> list[dict[str, object]]:
    """The calls that were made, none of which leaves."""
    made: list[dict[str, object]] = []

    def call_json(*arguments: Any) -> dict[str, object]:
        made.append(arguments[-1])
        return {}

    environment.setattr(AwsClient, "call_json", call_json)
    return made


def queue(url: str) -> Queue:
    return Queue(dependencies.aws(), url)


def in_group(count: int) -> list[tuple[str, str, dict[str, object]]]:
    """So many items of one person."""
    return [("one", str(number), {"n": number}) for number in range(count)]


def test_fifo_queue_drops_repeated_messages(plan: Plan, aws: Aws) -> None:
    items = [(f"person {number % 2}", f"wamid.{number}", {"number": number}) for number in range(25)]
    queue(plan.queue_url("messages.fifo")).send_in_order(items)
    queue(plan.queue_url("messages.fifo")).send_in_order(items[:3])
    received = aws.bodies(plan.queue_url("messages.fifo"))
    assert sorted(item["number"] for item in received) == list(range(25))


def test_one_batch_keeps_its_order(plan: Plan, aws: Aws) -> None:
    queue(plan.queue_url("messages.fifo")).send_in_order(in_group(10))
    assert [item["n"] for item in aws.bodies(plan.queue_url("messages.fifo"))] == list(range(10))


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(0, 60_000)), max_size=120))
def test_batches_of_one_person_are_never_under_way_together(people: list[tuple[int, int]]) -> None:
    entries = [
        {"MessageGroupId": str(person), "MessageBody": f"{place} {'x' * size}"}
        for place, (person, size) in enumerate(people)
    ]
    lanes = queues._lanes(entries)
    places = [[int(entry["MessageBody"].split()[0]) for entry in lane] for lane in lanes]
    assert sorted(place for lane in places for place in lane) == list(range(len(people)))
    assert all(lane == sorted(lane) for lane in places)
    groups = [{entry["MessageGroupId"] for entry in lane} for lane in lanes]
    assert sum(map(len, groups)) == len(set().union(*groups))  # no group in two lanes
    assert len(lanes) <= queues.AT_ONCE


def test_messages_of_a_person_are_sent_in_order_over_many_batches(environment: pytest.MonkeyPatch) -> None:
    taken: list[int] = []
    threads = set()

    def call_json(*arguments: Any) -> dict[str, object]:
        threads.add(threading.current_thread())
        taken.extend(json.loads(entry["MessageBody"])["n"] for entry in arguments[-1]["Entries"])
        return {}

    environment.setattr(AwsClient, "call_json", call_json)
    queue("q.fifo").send_in_order(in_group(35))
    assert taken == list(range(35))
    assert threads == {threading.current_thread()}  # so that no call can overtake another


def test_batches_of_different_people_are_sent_side_by_side(environment: pytest.MonkeyPatch) -> None:
    together = threading.Barrier(queues.AT_ONCE, timeout=30)  # breaks unless so many are under way at once

    def call_json(*arguments: object) -> dict[str, object]:
        together.wait()
        return {}

    environment.setattr(AwsClient, "call_json", call_json)
    queue("q.fifo").send_in_order([(str(number), str(number), {}) for number in range(queues.AT_ONCE * 10)])


def test_standard_queue_gets_every_body(plan: Plan, aws: Aws) -> None:
    queue(plan.queue_url("events")).send({"n": number} for number in range(101))
    assert sorted(item["n"] for item in aws.bodies(plan.queue_url("events"))) == list(range(101))


def test_nothing_to_send_makes_no_call(batches: list[dict[str, object]]) -> None:
    queue("q").send([])
    queue("q.fifo").send_in_order([])
    assert batches == []


@given(st.lists(st.integers(0, 230_000), max_size=40))
def test_batches_keep_to_the_limits_of_sqs_and_lose_nothing(sizes: list[int]) -> None:
    entries = [{"MessageBody": str(place) + "x" * size} for place, size in enumerate(sizes)]
    found = list(queues._batches(entries))
    assert [entry for batch in found for entry in batch] == entries
    assert all(1 <= len(batch) <= 10 for batch in found)
    assert all(sum(len(entry["MessageBody"]) for entry in batch) <= QUARTER_MEGABYTE for batch in found)


@given(st.text(min_size=1, max_size=300), st.text(min_size=1, max_size=300))
def test_ids_are_valid_for_any_sender_and_message(sender: str, message_id: str) -> None:
    for value in (sender, message_id):
        assert re.fullmatch(r"[A-Za-z0-9!-/:-@\[-`{-~]{1,128}", queues.digest(value))
    assert (queues.digest(sender) == queues.digest(message_id)) == (sender == message_id)


def test_ids_do_not_show_phone_numbers(batches: list[dict[str, object]]) -> None:
    queue("q.fifo").send_in_order([("+263771234567", "wamid.1", {}), ("+263771234567", "wamid.2", {})])
    first, second = cast(list[dict[str, str]], batches[0]["Entries"])
    assert "263771234567" not in json.dumps(batches)
    assert first["MessageGroupId"] == second["MessageGroupId"]
    assert first["MessageDeduplicationId"] != second["MessageDeduplicationId"]


def test_partial_failure_raises(environment: pytest.MonkeyPatch) -> None:
    answer = {"Successful": [{"Id": "0"}], "Failed": [{"Id": "1", "Code": "InternalError", "SenderFault": False}]}
    environment.setattr(AwsClient, "call_json", lambda *arguments: answer)
    with pytest.raises(NotEnqueued, match="1 of 2"):
        queue("q").send([{}, {}])


def test_one_failed_batch_of_many_raises(environment: pytest.MonkeyPatch) -> None:
    answers = iter([{}, {"Failed": [{"Id": "0"}]}, {}])
    environment.setattr(AwsClient, "call_json", lambda *arguments: next(answers))
    with pytest.raises(NotEnqueued):
        queue("q").send([{}] * 25)


def test_missing_queue_raises(plan: Plan, aws: Aws) -> None:
    with pytest.raises(AwsError) as failed:
        queue(plan.queue_url("nothing")).send([{}])
    assert "QueueDoesNotExist" in failed.value.code or "NonExistentQueue" in failed.value.code
