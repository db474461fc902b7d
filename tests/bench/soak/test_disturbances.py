"""What is killed and when."""

from random import Random

from bench.soak.disturbances import KILLED, schedule
from infra.catalog import function


def test_everything_that_is_killed_comes_back_within_the_time() -> None:
    found = schedule(Random(7), 100, 250.0)
    assert [item.at for item in found] == sorted(item.at for item in found)
    assert all(0 <= item.at <= 250 for item in found)
    what = [item.what for item in found]
    assert what.count("kill function") == 100
    for begin, end in (("kill", "start"), ("pause", "resume")):
        for server in {item.removeprefix(f"{begin} ") for item in what if item.startswith(begin)} - {"function"}:
            turns = [item for item in what if item.split(" ", 1)[1] == server and not item.startswith("empty")]
            assert turns == [f"{begin} {server}", f"{end} {server}"] * (len(turns) // 2)


def test_only_functions_of_the_catalog_are_killed() -> None:
    assert all(function(name) for name in KILLED)
    assert max(KILLED, key=lambda name: KILLED[name]) == "send_reply"
