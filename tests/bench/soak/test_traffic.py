"""What is written and how it is delivered."""

from collections import Counter
from random import Random

from bench.soak.traffic import Delivery, deliveries, write


def traffic(seed: int, messages: int = 300) -> list[Delivery]:
    random = Random(seed)
    return deliveries(random, write(random, messages, 60, 75.0))


def test_the_same_seed_gives_the_same_traffic() -> None:
    assert traffic(7) == traffic(7)
    assert traffic(7) != traffic(8)


def test_senders_take_turns() -> None:
    counts = Counter(item.sender for item in write(Random(7), 300, 60, 75.0))
    assert set(counts) == set(range(60))
    assert set(counts.values()) == {5}


def test_every_message_is_delivered_and_some_again() -> None:
    counts = Counter(place for delivery in traffic(7) for place in delivery.messages)
    assert set(counts) == set(range(300))
    assert sum(count > 1 for count in counts.values()) > 60


def test_bodies_are_repeated_reordered_and_batched_differently() -> None:
    found = traffic(7)
    bodies = Counter(delivery.messages for delivery in found)
    assert any(count > 1 for count in bodies.values())
    assert any(len(body) > 1 for body in bodies)
    assert any(list(body) != sorted(body) for body in bodies)
    first = [place for delivery in found for place in delivery.messages]
    assert list(dict.fromkeys(first)) != sorted(set(first))
    assert [delivery.at for delivery in found] == sorted(delivery.at for delivery in found)
