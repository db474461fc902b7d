"""What is killed and when: processes of functions at random, and the servers one after the other."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random
from typing import Final

from local.http_client import send
from local.stack import Stack

# Functions whose processes are killed in the middle of an invocation, with the weight of each.
KILLED: Final = {
    "send_reply": 7,
    "understand": 4,
    "record_conversation": 4,
    "gate_pass": 3,
    "fetch_fees": 2,
    "fetch_payments": 2,
    "ai_reply": 2,
    "webhook": 2,
    "record_delivery": 3,
    "record_consent": 1,
}
# The share of the time at which something is done to a server.
SERVERS: Final = (
    (0.08, "pause replication"),
    (0.16, "resume replication"),
    (0.22, "kill replica"),
    (0.30, "start replica"),
    (0.38, "kill Redis"),
    (0.42, "start Redis"),
    (0.54, "kill primary"),
    (0.59, "start primary"),
    (0.70, "empty Redis"),
    (0.80, "pause replication"),
    (0.84, "kill Redis"),
    (0.87, "start Redis"),
    (0.90, "resume replication"),
)
PATIENCE: Final = 1.5  # seconds to wait for a busy process of one function
TRIES: Final = 6  # functions that are tried for one kill


@dataclass(frozen=True)
class Disturbance:
    """Something that is done to a part of the stack."""

    at: float  # seconds from the beginning
    what: str


def schedule(random: Random, kills: int, seconds: float) -> list[Disturbance]:
    """So many kills of functions at random moments, and every fault of the servers, by time."""
    found = [Disturbance(random.uniform(0, seconds), "kill function") for _ in range(kills)]
    found += [Disturbance(share * seconds, what) for share, what in SERVERS]
    return sorted(found, key=lambda item: item.at)


@dataclass
class Disturber:
    """Does it, and remembers what was done. Only for the thread that started the stack: its servers end with it."""

    stack: Stack
    random: Random
    killed: Counter[str] = field(default_factory=Counter)  # by function
    done: Counter[str] = field(default_factory=Counter)  # by what was done to a server
    outages: list[tuple[float, float]] = field(default_factory=list)  # of the primary: Unix seconds
    _primary_down_since: float | None = None

    def do(self, disturbance: Disturbance) -> None:
        """Returns when it is done, a start when the server takes work again."""
        if disturbance.what == "kill function":
            self._kill_function()
            return
        actions: dict[str, Callable[[], object]] = {
            "pause replication": self.stack.postgres.pause_replication,
            "resume replication": self.stack.postgres.resume_replication,
            "kill replica": self.stack.postgres.kill_replica,
            "start replica": self.stack.postgres.start_replica,
            "kill primary": self._kill_primary,
            "start primary": self._start_primary,
            "kill Redis": self.stack.redis.kill,
            "start Redis": self._start_redis,
            "empty Redis": self._empty_redis,
        }
        actions[disturbance.what]()
        self.done[disturbance.what] += 1

    def _kill_function(self) -> None:
        """One busy process of a function chosen at random; of another one if none is busy for a while."""
        for _ in range(TRIES):
            (name,) = self.random.choices([*KILLED], [*KILLED.values()])
            until = time.monotonic() + PATIENCE
            while time.monotonic() < until:
                if send("POST", f"{self.stack.plan.lambdas_url}/functions/{name}/kill").json()["killed"]:
                    self.killed[name] += 1
                    return
                time.sleep(0.002)

    def _kill_primary(self) -> None:
        self._primary_down_since = time.time()
        self.stack.postgres.kill_primary()

    def _start_primary(self) -> None:
        self.stack.postgres.start_primary()
        if self._primary_down_since:
            self.outages.append((self._primary_down_since, time.time()))
            self._primary_down_since = None

    def _start_redis(self) -> None:
        self.stack.redis.start()
        self.stack.redis.wait()

    def _empty_redis(self) -> None:
        self.stack.redis.kill()
        self._start_redis()
