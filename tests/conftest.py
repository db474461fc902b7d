"""The real parts that tests ask for: each server is started once, when the first test wants it."""

import io
import json
import logging
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.client import BaseClient
from hypothesis import settings
from pytest_socket import disable_socket, enable_socket
from sqlalchemy import Engine, create_engine, text

from functions import dependencies
from functions.adapters import observability
from functions.adapters.cache import rate_limit
from functions.adapters.cache.redis_client import RedisClient
from functions.adapters.database import connection
from functions.adapters.database.tables import metadata
from infra.catalog import FUNCTIONS, function
from local.child import start, stop
from local.kpi import Collected
from local.plan import BUCKET, REGION, Plan, Ports
from local.postgres import Postgres
from local.redis_server import RedisServer
from local.world import sample
from local.world.sample import SampleSchool
from local.world.server import World, running
from tests.selection import pytest_collection_modifyitems, pytest_xdist_make_scheduler

__all__ = ["pytest_collection_modifyitems", "pytest_xdist_make_scheduler"]

os.environ.setdefault("POWERTOOLS_METRICS_NAMESPACE", "tests")  # the metrics are made once in a process
settings.register_profile("busy-machine", deadline=None)
settings.register_profile("few-examples", deadline=None, max_examples=15)  # of `make test-fast`
settings.load_profile("busy-machine")

TODAY = date(2026, 11, 23)  # a Monday in term 3, which ends on 3 December
ROOT = Path(__file__).parents[1]
MOTO = "from local import moto_patches; moto_patches.apply(); from moto.server import main; main()"
# Getters whose result does not depend on the environment, or takes it as an argument.
PROCESS_WIDE = {"redis_of", "database_of", "session", "logger", "_metrics", "threads"}


def eventually(look: Callable[[], Any], seconds: float = 30) -> Any:
    """The first truthy answer; errors count as "not yet". `seconds` is what nobody should ever wait, not a promise."""
    until = time.monotonic() + seconds
    while True:
        with suppress(Exception):
            if found := look():
                return found
        assert time.monotonic() < until, "it did not happen"
        time.sleep(0.01)


@pytest.fixture(autouse=True)
def nothing_started(request: pytest.FixtureRequest) -> Iterator[None]:
    """A fast test (see tests/selection.py) fails if it opens a socket or starts a process."""
    if not request.node.get_closest_marker("fast"):
        yield
        return

    def refuse(*_: object, **__: object) -> None:
        raise RuntimeError("a fast test must not start a process: see tests/selection.py")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(subprocess.Popen, "__init__", refuse)
        disable_socket(allow_unix_socket=True)
        yield
        enable_socket()


@pytest.fixture(scope="session")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Plan:
    """One run: no delays, databases without the proxy that adds them."""
    ports = Ports.free()
    ports = replace(ports, database_writer=ports.postgres, database_reader=ports.replica)
    return Plan.create(tmp_path_factory.mktemp("parts"), ports, profile="zero", today=TODAY)


@pytest.fixture
def environment(plan: Plan, monkeypatch: pytest.MonkeyPatch) -> Iterator[pytest.MonkeyPatch]:
    """A clean process: the settings of every function, and nothing remembered of an earlier test."""
    for item in FUNCTIONS:
        for name, value in plan.environment(item).items():
            monkeypatch.setenv(name, value)
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "tests")
    forget_everything()
    yield monkeypatch
    forget_everything()


def forget_everything(*, but: Collection[str] = ()) -> None:
    """Clear what functions keep from one invocation to the next: clients with their settings and secrets.

    `but`: names of getters whose results stay.
    """
    for module in [module for name, module in sys.modules.items() if name.startswith("functions.")]:
        for name, value in vars(module).items():
            if name not in PROCESS_WIDE and name not in but and hasattr(value, "cache_clear"):
                value.cache_clear()


@pytest.fixture
def advance_clock(environment: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves our clock ahead by some seconds; Redis keeps its own."""

    def advance(seconds: float) -> None:
        moment = time.time() + seconds
        environment.setattr(time, "time", lambda: moment)

    return advance


# --- PostgreSQL -------------------------------------------------------------------------------------------------------


class Database:
    """The tables, seen by a test."""

    def __init__(self, plan: Plan, engine: Engine) -> None:
        self.url = plan.environment(function("understand"))["DATABASE_WRITER_URL"]
        self._ports = plan.ports
        self._engine = engine

    def run(self, statement: str, **values: object) -> list[Mapping[str, Any]]:
        """One statement, committed; its rows, if it has any."""
        with self._engine.begin() as connection:
            result = connection.execute(text(statement), values)
            return [dict(row) for row in result.mappings()] if result.returns_rows else []

    def value(self, statement: str, **values: object) -> Any:
        return next(iter(self.run(statement, **values)[0].values()))

    def add_student(self, name: str, phone: str = "", student_id: str = "SSC20259001", grade: str = "Grade 3") -> None:
        first, _, last = name.partition(" ")
        self.run("INSERT INTO students VALUES (:i, :f, :l, :g)", i=student_id, f=first, l=last, g=grade)
        if phone:
            self.run("INSERT INTO phones VALUES (:i, :p, 'guardian')", i=student_id, p=phone)

    def catch_up(self) -> None:
        """Wait until the replica shows everything that was committed."""
        self.run("SET LOCAL synchronous_commit = on; SELECT pg_logical_emit_message(true, 'tests', '')")
        written = self.value("SELECT pg_current_wal_lsn()")
        replica = create_engine(self.url.replace(str(self._ports.postgres), str(self._ports.replica)))
        query = text("SELECT pg_last_wal_replay_lsn() >= CAST(:written AS pg_lsn)")

        def has_followed() -> Any:
            with replica.connect() as connection:
                return connection.execute(query, {"written": written}).scalar_one()

        try:
            eventually(has_followed)
        finally:
            replica.dispose()


@pytest.fixture(scope="session")
def postgres(plan: Plan) -> Iterator[Postgres]:
    """A primary and its replica."""
    with Postgres(plan) as servers:
        yield servers


@pytest.fixture(scope="session")
def _schema(plan: Plan, postgres: Postgres) -> Iterator[Engine]:
    """The schema, made by the product's own function."""
    settings = plan.environment(function("understand"))
    with pytest.MonkeyPatch.context() as environment:
        for name, value in settings.items():
            environment.setenv(name, value)
        from functions import migrate

        assert migrate.handler({}, None)["revision"]
        clients = [dependencies.primary(), dependencies.database()]
    engine = create_engine(settings["DATABASE_WRITER_URL"])
    Database(plan, engine).catch_up()
    yield engine
    engine.dispose()
    for client in clients:
        client.dispose()


@pytest.fixture
def database(plan: Plan, _schema: Engine, environment: pytest.MonkeyPatch) -> Database:
    """The product's schema with every table empty; a replica that failed is asked again at once."""
    environment.setattr(connection, "REPLICA_PAUSE", 0)
    for client in (dependencies.database(), dependencies.primary()):
        environment.setattr(client, "_replica_retry_at", 0.0)
    found = Database(plan, _schema)
    found.run("; ".join(f"DELETE FROM {table.name}" for table in reversed(metadata.sorted_tables)))
    return found


@pytest.fixture
def sample_school(plan: Plan, database: Database) -> SampleSchool:
    """The demo families of the simulated school, in the database too."""
    school = SampleSchool.build(TODAY, plan.seed, families=24)
    sample.load(database.url, school)
    return school


# --- Redis ------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def redis_server(plan: Plan) -> Iterator[RedisServer]:
    with RedisServer(plan) as server:
        yield server
    dependencies.redis_of.cache_clear()


@pytest.fixture
def redis(plan: Plan, redis_server: RedisServer, environment: pytest.MonkeyPatch) -> RedisClient:
    """The product's cache, empty."""
    client = dependencies.redis()
    client.cluster().flushall()
    return client


@pytest.fixture
def redis_at(environment: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Stops the clock by which calls of the school's API are counted, and sets it."""
    script = rate_limit._RESERVE

    def stop(seconds: int) -> None:
        environment.setattr(rate_limit, "_RESERVE", script.replace("redis.call('TIME')", f"{{'{seconds}', '0'}}"))

    assert "redis.call('TIME')" in script
    stop(1000)
    return stop


# --- AWS --------------------------------------------------------------------------------------------------------------


class Aws:
    """Queues, bucket and secrets of the emulated account, seen by a test."""

    def __init__(self, url: str) -> None:
        self._url = url
        self.sqs, self.s3, self.secrets = (self._client(name) for name in ("sqs", "s3", "secretsmanager"))

    def _client(self, service: str) -> BaseClient:
        return boto3.client(
            service, endpoint_url=self._url, region_name=REGION, aws_access_key_id="t", aws_secret_access_key="t"
        )

    def received(self, queue_url: str) -> list[dict[str, Any]]:
        """Every message that waits, in order, taken out."""
        found = []
        while batch := self.sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, AttributeNames=["All"], WaitTimeSeconds=0
        ).get("Messages"):
            found += batch
            for message in batch:
                self.sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return found

    def bodies(self, queue_url: str) -> list[Any]:
        return [json.loads(message["Body"]) for message in self.received(queue_url)]

    def files(self) -> dict[str, bytes]:
        """Key -> content of the documents bucket."""
        keys = [item["Key"] for item in self.s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
        return {key: self.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


@pytest.fixture(scope="session")
def _aws(plan: Plan) -> Iterator[Aws]:
    """moto in a process of its own: SQS, S3, Secrets Manager."""
    command = [sys.executable, "-c", MOTO, "-H", "127.0.0.1", "-p", str(plan.ports.aws)]
    server = start(command, plan.log("aws"), environment={**os.environ, "PYTHONPATH": str(ROOT)})
    try:
        eventually(lambda: requests.get(f"{plan.aws_url}/moto-api/", timeout=1).ok, 20)
        yield Aws(plan.aws_url)
    finally:
        stop(server)


@pytest.fixture
def aws(plan: Plan, _aws: Aws, environment: pytest.MonkeyPatch) -> Aws:
    """An account with empty queues, an empty bucket and the secrets of this run."""
    requests.post(f"{plan.aws_url}/moto-api/reset", timeout=5)
    for name in ("messages.fifo", "payments.fifo"):
        _aws.sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})
    _aws.sqs.create_queue(QueueName="events")
    _aws.s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    for name, value in plan.secret_values.items():
        _aws.secrets.create_secret(Name=name, SecretString=value)
    return _aws


@pytest.fixture
def secrets(plan: Plan, environment: pytest.MonkeyPatch) -> None:
    """The secrets of this run as if just fetched, for tests that are not about fetching them."""
    for name, value in plan.secret_values.items():
        dependencies.secrets().put(name, value)


# --- the outside world ------------------------------------------------------------------------------------------------


class OutsideWorld:
    """The simulated services, seen and steered by a test."""

    def __init__(self, plan: Plan, simulated: World) -> None:
        self.simulated = simulated
        self._url = plan.world_url
        self._session = requests.Session()

    def page(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._session.request(method, self._url + path, json=body, timeout=10)
        answer.raise_for_status()
        return answer.json()

    def reset(self) -> None:
        self.page("DELETE", "/faults")
        self.page("PUT", "/profile", {"name": "zero", "statuses": [], "school_calls_per_minute": 0})
        for path in ("/recipients", "/calls", "/outbox"):
            self.page("DELETE", path)

    def fails(self, service: str, **fault: Any) -> None:
        self.page("PUT", f"/faults/{service}", fault)

    def calls(self, service: str, operation: str | None = None) -> list[dict[str, Any]]:
        found = self.page("GET", "/calls")
        return [c for c in found if c["service"] == service and operation in (None, c["operation"])]

    def outbox(self) -> list[dict[str, Any]]:
        """What people got, in order."""
        return list(self.page("GET", "/outbox"))

    def texts(self) -> list[str]:
        """The same as plain words."""
        return [_words(message["body"]) for message in self.outbox()]

    def close(self) -> None:
        self._session.close()


class SchoolCalls:
    """The calls that the product makes to the school's API, seen where they leave."""

    def __init__(self, environment: pytest.MonkeyPatch) -> None:
        self.timeouts: list[tuple[float, float]] = []  # (connect, read) of each, seconds
        self._together: threading.Barrier | None = None
        get = requests.Session.get

        def noted(session: requests.Session, url: str, **options: Any) -> requests.Response:
            self.timeouts.append(options["timeout"])
            if self._together:
                self._together.wait(30)
            return get(session, url, **options)

        environment.setattr(requests.Session, "get", noted)

    def must_be_side_by_side(self, number: int) -> None:
        """Each is held until that many are under way: one after the other, they break."""
        self._together = threading.Barrier(number)


@pytest.fixture
def school_calls(environment: pytest.MonkeyPatch) -> SchoolCalls:
    return SchoolCalls(environment)


def _words(body: Mapping[str, Any]) -> str:
    content = body[body["type"]]
    is_interactive = body["type"] == "interactive"
    return str(content["body"]["text"] if is_interactive else content.get("body") or content.get("caption"))


@pytest.fixture(scope="session")
def _world(plan: Plan) -> Iterator[OutsideWorld]:
    with running(plan) as simulated:
        found = OutsideWorld(plan, simulated)
        yield found
        found.close()
    from functions.adapters.http_client import session

    session().close()


@pytest.fixture
def world(_world: OutsideWorld, environment: pytest.MonkeyPatch) -> OutsideWorld:
    """WhatsApp, the school's API and OpenAI: no delays, no faults, nothing sent yet."""
    _world.reset()
    return _world


@pytest.fixture(scope="session")
def model(_world: OutsideWorld) -> None:
    """The simulated model, loaded: no answer waits for that."""
    _world.simulated.prewarm().result()


# --- what functions print ---------------------------------------------------------------------------------------------


@pytest.fixture
def printed(environment: pytest.MonkeyPatch) -> Iterator[io.StringIO]:
    """Everything that goes to a function's log: events and metrics."""
    stream = io.StringIO()
    environment.setattr(sys, "stdout", stream)
    handlers: list[Any] = [
        handler for handler in observability.logger().handlers if isinstance(handler, logging.StreamHandler)
    ]
    assert handlers
    previous = [handler.setStream(stream) for handler in handlers]
    yield stream
    for handler, old in zip(handlers, previous, strict=True):
        handler.setStream(old or sys.__stdout__)


Counts = Callable[[], Collected]


@pytest.fixture
def counts(environment: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Counts:
    """The metrics that have been written so far in this test."""
    observability.flush()
    capsys.readouterr()
    log = tmp_path / "function.log"
    log.touch()

    def read() -> Collected:
        observability.flush()
        log.write_text(log.read_text() + capsys.readouterr().out)
        return Collected.of(tmp_path)

    return read
