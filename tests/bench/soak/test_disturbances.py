"""What is killed and when."""

from collections import Counter
from random import Random

from bench.soak.disturbances import KILL, KILLED, schedule
from infra.catalog import function


def test_kills_and_faults_of_servers_lie_within_the_time() -> None:
    found = schedule(Random(7), 100, 250.0)
    assert [item.at for item in found] == sorted(item.at for item in found)
    assert all(0 <= item.at <= 250 for item in found)
    what = Counter(item.what for item in found)
    assert what == {
        KILL: 100,
        "replication paused": 2,
        "replica killed": 1,
        "primary killed": 1,
        "Redis killed": 3,
    }


def test_only_functions_of_the_catalog_are_killed() -> None:
    assert all(function(name) for name in KILLED)
    assert max(KILLED, key=lambda name: KILLED[name]) == "send_reply"
