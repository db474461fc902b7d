"""Who writes when: days of messages drawn from the school's sizes, the same for the same seed.

Nobody has counted how parents go from one wish to the next; the shares below are assumptions, and `hit_rate` shows what
happens when the most important of them, how many begin with a greeting, is wrong.
"""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate
from random import Random
from typing import Final

MINUTE: Final = 60.0
HOUR: Final = 3600.0

# What a parent wants in one sitting -> its share. What comes after the first is asked after reading the answer.
WISHES: Final[dict[tuple[str, ...], int]] = {
    ("balance",): 44,
    ("balance", "statement"): 20,
    ("balance", "gate pass"): 10,
    ("gate pass",): 8,
    ("statement",): 6,
    ("question",): 12,
}
GREETING: Final = 0.7  # of sittings begin with "hi" and go on from the menu
QUESTIONS: Final = (  # what everyone asks, the most frequent first
    "When does school start?",
    "How much are the fees for Form 1?",
    "What is the uniform for Monday?",
    "How much is transport to the city?",
    "What documents do I need to enrol?",
    "Is there late pick-up?",
    "Where is the admin office?",
    "When is the fee deadline?",
    "Do you offer Cambridge?",
    "What time is sports?",
)
# Hours of the day -> weight. An ordinary day is spread; of a first day of term most lies between seven and nine.
ORDINARY_HOURS: Final = {**dict.fromkeys(range(7, 20), 4), 6: 2, 7: 9, 8: 9, 12: 6, 13: 6, 20: 2, 21: 1}
FIRST_WEEK_HOURS: Final = {**dict.fromkeys(range(9, 20), 2), 6: 4, 7: 36, 8: 34, 20: 1}


def most_accounts(greeting: float = GREETING) -> float:
    """The share of account answers that can come from the cache when everyone sits down once: all but the first wish of
    who does not greet."""
    about = {wishes: sum(wish != "question" for wish in wishes) for wishes in WISHES}
    first = sum(share for wishes, share in WISHES.items() if about[wishes])
    return 1 - (1 - greeting) * first / sum(share * about[wishes] for wishes, share in WISHES.items())


@dataclass(frozen=True, order=True)
class Written:
    """One message: seconds since midnight, whose (a place in the list of parents), and what it asks."""

    at: float
    parent: int
    wish: str  # hi, balance, statement, gate pass, or the question itself


def day(parents: int, messages: int, hours: dict[int, int], seed: int, greeting: float = GREETING) -> list[Written]:
    """About so many messages of one day, in order of time; whole sittings, so a few more."""
    random = Random(seed)
    written: list[Written] = []
    while len(written) < messages:
        written += sitting(random, random.randrange(parents), _moment(random, hours), greeting)
    return sorted(written)


def sitting(random: Random, parent: int, begins: float, greeting: float) -> Iterator[Written]:
    """One parent, from the first message to the last; between two of them 8 to 60 seconds."""
    at = begins
    if random.random() < greeting:
        yield Written(at, parent, "hi")
        at += random.uniform(8, 60)
    for wish in random.choices(list(WISHES), list(WISHES.values()))[0]:
        yield Written(at, parent, _question(random) if wish == "question" else wish)
        at += random.uniform(8, 60)


def rush(parents: int, seconds: float, seed: int, greeting: float) -> list[Written]:
    """Everyone's first message, spread evenly over so many seconds."""
    random = Random(seed)
    return sorted(next(sitting(random, parent, random.uniform(0, seconds), greeting)) for parent in range(parents))


def _question(random: Random) -> str:
    """By Zipf's law: the first is asked twice as often as the second."""
    weights = list(accumulate(1 / place for place in range(1, len(QUESTIONS) + 1)))
    return QUESTIONS[bisect.bisect(weights, random.random() * weights[-1])]


def _moment(random: Random, hours: dict[int, int]) -> float:
    hour = random.choices(list(hours), list(hours.values()))[0]
    return (hour + random.random()) * HOUR
