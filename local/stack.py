"""Starts and stops the whole product on this machine.

    with Stack(Plan.create(folder, Ports.free(), profile="zero")) as stack:
        ...  # all parts are ready; stack.redis.kill() and stack.postgres.kill_replica() simulate failures

However the starting process ends, no process that it started is left.
"""

import contextlib
import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import psutil

from local.child import start, stop
from local.http_client import send
from local.lambda_service.client import LambdaClient
from local.plan import Plan
from local.postgres import Postgres
from local.redis_server import RedisServer
from local.step_functions.errors import FunctionError, InvokeError

ROOT: Final = Path(__file__).parents[1]
START_SECONDS: Final = 600  # the first start downloads the packages of the functions
PARTS: Final = ("world", "aws", "database_proxy", "lambda_service", "console")  # packages of local/, each a process

Progress = Callable[[str, float], None]


class StackError(Exception):
    """A part did not start or has ended; the message names it and quotes its log."""


class Stack:
    """One run of the local stack. Start it from a thread that lives as long as the stack should."""

    def __init__(self, plan: Plan, progress: Progress | None = None) -> None:
        """`progress` gets what is ready, and after how many seconds."""
        self.plan = plan
        self.postgres = Postgres(plan)
        self.redis = RedisServer(plan)
        self._progress = progress or (lambda _what, _seconds: None)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._started_at = 0.0

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- starting ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Start all parts in parallel; the schema waits for the database, and the sample school for the schema."""
        self._started_at = time.monotonic()
        shutil.rmtree(self.plan.folder / "logs", ignore_errors=True)
        path = self.plan.save()
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        try:
            with ThreadPoolExecutor() as threads:
                for part in PARTS:
                    command = [sys.executable, "-m", f"local.{part}", "--plan", str(path)]
                    self._processes[part] = start(command, self.plan.log(part), environment=environment)
                self.redis.start()
                redis = threads.submit(self.redis.wait)
                school = threads.submit(self._sample_school)
                self.postgres.start()
                self._report("PostgreSQL: primary and replica")
                self._load_data(school)
                redis.result()
                self._report("Redis: one cluster node")
            self._wait("world", self.plan.world_url)
            self._report("simulated services: WhatsApp, the school's API, OpenAI")
            self._wait("aws", self.plan.aws_url)
            self._report("AWS: queues, state machines, files, secrets")
            self._get(self.plan.lambdas_url + "/warm", "POST")
            self._wait("lambda_service", self.plan.lambdas_url)
            self._report("Lambda functions and the HTTP API")
            self._wait("console", f"http://127.0.0.1:{self.plan.ports.console}", path="/console/ready")
            self._report("the web console")
        except BaseException:
            self.stop()
            raise

    def _sample_school(self) -> Any:
        """The sample school, generated while the database starts."""
        from local.world.sample import SampleSchool

        return SampleSchool.of(self.plan)

    def _load_data(self, school: Future[Any]) -> None:
        """Create the schema, with the function that does it on AWS too; then save the sample school."""
        from local.world import sample

        self._wait("lambda_service", self.plan.lambdas_url, path="/functions")
        try:
            LambdaClient(self.plan.lambdas_url).invoke("migrate", {})
        except FunctionError as error:
            raise StackError(f"the database schema could not be created: {json.dumps(error.payload)}") from error
        except InvokeError as error:
            raise StackError(f"the database schema could not be created: {error}") from error
        self._get(self.plan.lambdas_url + "/functions/migrate/reset", "POST")  # its process holds 41 MB
        self._report("the database schema")
        primary = f"postgresql+pg8000://assistant@127.0.0.1:{self.plan.ports.postgres}/school"
        office = self.plan.office if self.plan.simulates_whatsapp else ""
        students = sample.load(primary, school.result(), office)
        self.postgres.wait_for_replica()
        self._report(f"the sample school: {students} students")

    # --- watching ------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """StackError if a part has ended."""
        for part, process in self._processes.items():
            if process.poll() is not None:
                raise StackError(f"local.{part} has ended; {self._log_tail(part)}")

    def start_errors(self) -> dict[str, str]:
        """Functions that cannot start: name -> error."""
        functions = self._get(self.plan.lambdas_url + "/functions") or {}
        errors = {name: described.get("start_error") for name, described in functions.items()}
        return {name: f"{error['errorType']}: {error['errorMessage']}" for name, error in errors.items() if error}

    def megabytes(self) -> int:
        """Memory of all parts; pages that processes share are counted once (on Linux)."""
        total = 0
        for process in psutil.Process().children(recursive=True):
            with contextlib.suppress(psutil.Error):
                memory = process.memory_full_info()
                total += getattr(memory, "pss", memory.rss)
        return round(total / 1_000_000)

    def _wait(self, part: str, url: str, path: str = "/ready") -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._get(url + path) is None:
            self.check()
            if time.monotonic() > deadline:
                raise StackError(f"local.{part} did not become ready; {self._log_tail(part)}")
            time.sleep(0.02)

    def _get(self, url: str, method: str = "GET") -> Any:
        """The JSON of a page; None while it is not available."""
        try:
            response = send(method, url, timeout=5)
            return response.json() if response.status == 200 else None
        except OSError:
            return None

    def _log_tail(self, part: str) -> str:
        log = self.plan.log(part)
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:]) if log.exists() else ""
        return f"its log {log} ends:\n{tail}" if tail else f"its log {log} is empty"

    def _report(self, what: str) -> None:
        self._progress(what, time.monotonic() - self._started_at)

    # --- stopping ------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Stop all parts in parallel; safe to call again."""
        processes, self._processes = self._processes, {}
        for process in processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        self.redis.stop()
        self.postgres.stop()
        for process in processes.values():
            stop(process)
