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
# The share of the time at which a server fails, how, and for how many seconds.
SERVERS: Final = (
    (0.08, "replication paused", 20),
    (0.22, "replica killed", 15),
    (0.36, "Redis killed", 8),
    (0.50, "primary killed", 12),
    (0.64, "Redis killed", 0),  # and back at once, empty
    (0.76, "replication paused", 20),
    (0.80, "Redis killed", 6),
)
KILL: Final = "function killed"
PATIENCE: Final = 1.5  # seconds to wait for a busy process of one function
TRIES: Final = 6  # functions that are tried for one kill

Action = Callable[[], object]


@dataclass(frozen=True)
class Disturbance:
    """Something that is done to a part of the stack."""

    at: float  # seconds from the beginning
    what: str
    lasts: float = 0.0  # seconds, of a server's fault


def schedule(random: Random, kills: int, seconds: float) -> list[Disturbance]:
    """So many kills of functions at random moments, and every fault of the servers, by time."""
    found = [Disturbance(random.uniform(0, seconds), KILL) for _ in range(kills)]
    found += [Disturbance(share * seconds, what, lasts) for share, what, lasts in SERVERS]
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
    _to_end: list[tuple[float, Action]] = field(default_factory=list)  # monotonic time, and how

    def do(self, disturbance: Disturbance) -> None:
        """Begin it; `end_due` ends the fault of a server."""
        if disturbance.what == KILL:
            self._kill_function()
            return
        begin, end = self._server_faults[disturbance.what]
        begin()
        self.done[disturbance.what] += 1
        self._to_end.append((time.monotonic() + disturbance.lasts, end))

    def end_due(self, *, all_of_them: bool = False) -> None:
        """End the faults of servers that have lasted long enough."""
        now = time.monotonic()
        due = [item for item in self._to_end if all_of_them or item[0] <= now]
        self._to_end = [item for item in self._to_end if item not in due]
        for _, end in due:
            end()

    @property
    def _server_faults(self) -> dict[str, tuple[Action, Action]]:
        postgres, redis = self.stack.postgres, self.stack.redis
        return {
            "replication paused": (postgres.pause_replication, postgres.resume_replication),
            "replica killed": (postgres.kill_replica, postgres.start_replica),
            "primary killed": (self._kill_primary, self._start_primary),
            "Redis killed": (redis.kill, self._start_redis),
        }

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
