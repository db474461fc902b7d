"""The real local stack as the benchmark uses it: whose messages, what is forgotten before each, what starts anew."""

import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import boto3
import redis
from sqlalchemy import create_engine, text
from sqlalchemy.pool import NullPool

from bench.floor import Delays
from functions.adapters.phone_numbers import normalise_all
from functions.services.common_questions import question_key
from infra.catalog import SchoolApi
from local.http_client import request
from local.parent import Parent
from local.plan import ACCESS_KEY, REGION, SECRET_KEY, Plan, Ports
from local.stack import Stack
from local.stack_client import StackClient
from local.world.sample import SampleSchool, Student

TODAY: Final = date(2026, 11, 23)  # a Monday in term 3
TERM: Final = "2026-3"
NOTICED_SECONDS: Final = 1.1  # until every part of the stack knows of a change: they ask the world once a second
NO_CEILING: Final = 100_000  # school API calls a minute, where its ceiling is not what is measured


@dataclass(frozen=True)
class Family:
    """A parent of the sample school, and the children whose number is on record."""

    parent: Parent
    children: tuple[Student, ...]

    @property
    def ids(self) -> list[str]:
        return [child.id for child in self.children]


def families(school: SampleSchool, children: int, most: int) -> list[Family]:
    """Up to `most` ordinary families of that size; of each child half of the fees are paid, so a pass can be given."""
    peculiar = {parent.phone for parent in school.demo_parents}
    by_phone: dict[str, list[Student]] = {}
    for student in school.students:
        for phone in normalise_all(student.guardian_mobile, student.country):
            by_phone.setdefault(phone, []).append(student)
    found = [
        Family(Parent(phone), tuple(students))
        for phone, students in by_phone.items()
        if len(students) == children
        and phone not in peculiar
        and all(s.share is not None and s.share >= 50 for s in students)
    ]
    if not found:
        raise ValueError(f"no family of {children} such children")
    return found[:most]


class Stage:
    """A running stack."""

    def __init__(self, stack: Stack) -> None:
        self.stack, self.plan = stack, stack.plan
        self.running = StackClient(stack.plan)
        self.redis = redis.Redis(port=stack.plan.ports.redis, decode_responses=True)
        url = f"postgresql+pg8000://assistant@127.0.0.1:{stack.plan.ports.postgres}/school"
        self.database = create_engine(url, poolclass=NullPool)  # no connection outlives a primary that is killed
        self.school = SampleSchool.build(stack.plan.today or TODAY, stack.plan.seed, config=stack.plan.config)

    def use(self, profile: str) -> Delays:
        """Delays of that profile from now on."""
        found = self.running.world("PUT", "/profile", {"name": profile})
        time.sleep(NOTICED_SECONDS)
        return Delays.of(found)

    def forget(self, family: Family, question: str = "") -> None:
        """Nothing of this family is in the cache, nor the answer to that question."""
        keys = [f"v1:account:{student}:{TERM}" for student in family.ids]
        pipe = self.redis.pipeline(transaction=False)  # the keys lie in different slots of the cluster
        answer = f"v1:answer:{question_key(question, self.plan.today or TODAY)}"
        for key in (f"v1:person:{family.parent.bsuid}", answer, *keys):
            pipe.delete(key)
        pipe.execute()

    def withdraw_passes(self, family: Family) -> None:
        """The next request makes a new pass."""
        with self.database.begin() as connection:
            for table in ("pass_requests", "gate_passes"):
                statement = text(f"DELETE FROM {table} WHERE student_id = ANY(:ids)")  # noqa: S608
                connection.execute(statement, {"ids": family.ids})

    def scalar(self, query: str) -> Any:
        """The one value that a query on the primary gives."""
        with self.database.connect() as connection:
            return connection.execute(text(query)).scalar_one()

    def column(self, query: str, **values: object) -> list[Any]:
        """The first column that a query on the primary gives."""
        with self.database.connect() as connection:
            return list(connection.execute(text(query), values).scalars())

    def restart(self, functions: Sequence[str]) -> None:
        """New processes for these functions, started ahead of need, as provisioned concurrency does."""
        for name in functions:
            request("POST", f"{self.plan.lambdas_url}/functions/{name}/reset")
        request("POST", f"{self.plan.lambdas_url}/warm")
        deadline = time.monotonic() + 60
        while request("GET", f"{self.plan.lambdas_url}/ready")[0] != 200:
            if time.monotonic() > deadline:
                raise TimeoutError("functions do not start")
            time.sleep(0.02)

    @contextlib.contextmanager
    def without_conversations(self) -> Iterator[None]:
        """Messages stay in the queue, and are dropped at the end."""
        self.running.aws("POST", "/pipes/conversation/stop")
        try:
            yield
        finally:
            aws = {"service_name": "sqs", "region_name": REGION, "endpoint_url": self.plan.aws_url}
            keys = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": SECRET_KEY}
            boto3.client(**aws, **keys).purge_queue(QueueUrl=self.plan.queue_url("messages.fifo"))
            self.running.aws("POST", "/pipes/conversation/start")

    def limit_processes(self, most: int, **other: int) -> None:
        """At most so many processes of each function; what comes beyond waits for one of them."""
        body = b'{"ReservedConcurrentExecutions": 1000}'  # AWS's own quota of all functions together
        for name in self.running.functions():
            request("PUT", f"{self.plan.lambdas_url}/2017-10-31/functions/{name}/concurrency", body)
            request("POST", f"{self.plan.lambdas_url}/functions/{name}/processes/{other.get(name, most)}")

    def close(self) -> None:
        self.redis.close()
        self.database.dispose()


@contextlib.contextmanager
def stage(profile: str = "zero", **options: Any) -> Iterator[Stage]:
    """A stack of its own, in a folder that is thrown away."""
    settings = {"today": TODAY, "school_api_calls_per_minute": NO_CEILING, "school_api": SchoolApi.REST} | options
    with (
        tempfile.TemporaryDirectory(prefix="bench-", ignore_cleanup_errors=True) as folder,
        Stack(Plan.create(Path(folder), Ports.free(), profile=profile, **settings)) as stack,
    ):
        made = Stage(stack)
        try:
            yield made
        finally:
            made.close()
