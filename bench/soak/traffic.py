"""What parents write in a morning, and how WhatsApp delivers it: repeated, reordered, batched differently."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import Final

REPEATED: Final = 0.3  # share of the messages of which the same body comes again
REORDERED: Final = 0.06  # that come after the sender's next message
BATCHED: Final = 0.1  # that begin a body with the next few messages in it
MIXED: Final = 0.15  # that come again in a body with other messages, in another order
LONGEST_BATCH: Final = 5


@dataclass(frozen=True)
class Wish:
    """Words, and what a reply to them has to contain: a regular expression."""

    words: str
    weight: int
    answer: str


WISHES: Final = (
    Wish("hi", 4, "Fee balance"),
    Wish("balance", 8, "Billed|Fully paid|In credit|No fees"),
    Wish("statement", 4, "Statement"),
    Wish("gate pass", 5, "GP-|this week"),
    Wish("What time does school start?", 1, "07|08|start"),
    Wish("When is sports day?", 1, "."),
    Wish("Which uniform do they wear on Thursdays, I forgot?", 1, "."),
    Wish("STOP", 1, "START"),
    Wish("START", 1, "."),
)


@dataclass(frozen=True)
class Written:
    """One message of one sender."""

    sender: int
    at: float  # seconds from the beginning
    wish: Wish


@dataclass(frozen=True)
class Delivery:
    """One webhook body: the messages in it, by their places in the list of all."""

    at: float
    messages: tuple[int, ...]


def write(random: Random, messages: int, senders: int, seconds: float) -> list[Written]:
    """So many messages within so many seconds; every sender writes about as often as the others."""
    turns = [place % senders for place in range(messages)]
    random.shuffle(turns)
    times = sorted(random.uniform(0, seconds) for _ in range(messages))
    weights = [wish.weight for wish in WISHES]
    return [Written(sender, at, random.choices(WISHES, weights)[0]) for sender, at in zip(turns, times, strict=True)]


def deliveries(random: Random, written: Sequence[Written]) -> list[Delivery]:
    """Every message at least once, by time."""
    first = list(_first(random, written))
    arrived = {place: delivery.at for delivery in first for place in delivery.messages}
    return sorted([*first, *_again(random, first, arrived)], key=lambda delivery: delivery.at)


def _first(random: Random, written: Sequence[Written]) -> Iterator[Delivery]:
    """The first time of each message: alone, in a batch, or late."""
    place = 0
    while place < len(written):
        chance = random.random()
        if chance < BATCHED:
            batch = tuple(range(place, min(place + random.randint(2, LONGEST_BATCH), len(written))))
            yield Delivery(written[batch[-1]].at, batch)
            place = batch[-1] + 1
            continue
        following = _next_of(written, place) if chance < BATCHED + REORDERED else None
        late = (following - written[place].at + random.uniform(0, 1)) if following is not None else 0.0
        yield Delivery(written[place].at + min(late, 20.0), (place,))
        place += 1


def _next_of(written: Sequence[Written], place: int) -> float | None:
    """When the sender of that message writes the next one."""
    rest = (item.at for item in written[place + 1 :] if item.sender == written[place].sender)
    return next(rest, None)


def _again(random: Random, first: Sequence[Delivery], arrived: dict[int, float]) -> Iterator[Delivery]:
    """The repetitions: the same body at the same moment or later, or its messages among others."""
    for delivery in first:
        if random.random() < REPEATED:
            for _ in range(random.randint(1, 2)):
                yield Delivery(
                    delivery.at + random.choice([0.0, random.uniform(0, 2), random.uniform(2, 15)]), delivery.messages
                )
        if random.random() < MIXED:
            at = delivery.at + random.uniform(0, 10)
            recent = [
                place for place, moment in arrived.items() if at - 20 < moment < at and place not in delivery.messages
            ]
            others = random.sample(recent, min(len(recent), random.randint(1, LONGEST_BATCH)))
            mixed = [*delivery.messages, *others]
            random.shuffle(mixed)
            yield Delivery(at, tuple(mixed))
