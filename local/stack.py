"""Starts and stops the whole product on this machine.

    with Stack(Plan.create(folder, Ports.free(), profile="zero")) as stack:
        ...  # everything answers; stack.redis.kill(), stack.postgres.kill_replica() and so on

Whatever way the starting process ends, nothing that it started is left.
"""

import contextlib
import http.client
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
from local.plan import Plan
from local.postgres import Postgres
from local.redis_server import RedisServer

ROOT: Final = Path(__file__).parents[1]
START_SECONDS: Final = 600  # the first start downloads what the functions run on
PARTS: Final = ("world", "aws", "proxy", "lambdas")  # modules of local/, each a process

Progress = Callable[[str, float], None]


class StackError(Exception):
    """A part did not start, or has ended; the message says which, and what its log says."""


class Stack:
    """One run of the local stack. Start it from a thread that lives as long as the stack should."""

    def __init__(self, plan: Plan, progress: Progress | None = None) -> None:
        """`progress` is told what is ready, and after how many seconds."""
        self.plan = plan
        self.postgres = Postgres(plan)
        self.redis = RedisServer(plan)
        self._progress = progress or (lambda _what, _seconds: None)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self._began = 0.0

    def __enter__(self) -> "Stack":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    # --- starting ------------------------------------------------------------------------------------------------

    def start(self) -> None:
        """Everything at once; only the schema waits for the database, and the sample school for the schema."""
        self._began = time.monotonic()
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
                school = threads.submit(self._imagine_school)
                self.postgres.start()
                self._tell("PostgreSQL: primary and replica")
                self._start_data(school)
                redis.result()
                self._tell("Redis: one cluster node")
            self._wait("world", self.plan.world_url)
            self._tell("the outside world: WhatsApp, the school's API, OpenAI")
            self._wait("aws", self.plan.aws_url)
            self._tell("AWS: queues, state machines, files, secrets")
            self._post(self.plan.lambdas_url + "/warm")
            self._wait("lambdas", self.plan.lambdas_url)
            self._tell("functions and the front door")
        except BaseException:
            self.stop()
            raise

    def _imagine_school(self) -> Any:
        """The sample school, drawn up while the database starts."""
        from local.world.sample import SampleSchool

        return SampleSchool.of(self.plan)

    def _start_data(self, school: Future[Any]) -> None:
        """The schema, by the function that brings it up to date on AWS too; then the sample school."""
        from local.world import sample

        self._wait("lambdas", self.plan.lambdas_url, path="/functions")
        status, result, failed = self.invoke("migrate", {})
        if status != 200 or failed:
            raise StackError(f"the database schema could not be made: {json.dumps(result)}")
        self._tell("the database schema")
        primary = f"postgresql+pg8000://assistant@127.0.0.1:{self.plan.ports.postgres}/school"
        students = sample.load(primary, school.result())
        self.postgres.wait_for_replica()
        self._tell(f"the sample school: {students} students")

    def invoke(self, function: str, event: Any) -> tuple[int, Any, bool]:
        """HTTP status, result, and whether the function failed."""
        connection = http.client.HTTPConnection("127.0.0.1", self.plan.ports.lambdas, timeout=180)
        try:
            connection.request("POST", f"/2015-03-31/functions/{function}/invocations", json.dumps(event))
            response = connection.getresponse()
            content = response.read()
            failed = response.getheader("X-Amz-Function-Error") is not None
            return response.status, json.loads(content) if content else None, failed
        finally:
            connection.close()

    # --- watching ------------------------------------------------------------------------------------------------

    def check(self) -> None:
        """StackError if a part has ended."""
        for part, process in self._processes.items():
            if process.poll() is not None:
                raise StackError(f"local.{part} has ended; {self._last_words(part)}")

    def start_errors(self) -> dict[str, str]:
        """Functions that cannot start: name -> why."""
        functions = self._get(self.plan.lambdas_url + "/functions") or {}
        errors = {name: described.get("start_error") for name, described in functions.items()}
        return {name: f"{error['errorType']}: {error['errorMessage']}" for name, error in errors.items() if error}

    def megabytes(self) -> int:
        """Memory of everything that runs; what processes share is counted once (Linux)."""
        processes = psutil.Process().children(recursive=True)
        total = 0
        for process in processes:
            with contextlib.suppress(psutil.Error):
                memory = process.memory_full_info()
                total += getattr(memory, "pss", memory.rss)
        return round(total / 1_000_000)

    def _wait(self, part: str, url: str, path: str = "/ready") -> None:
        deadline = time.monotonic() + START_SECONDS
        while self._get(url + path) is None:
            self.check()
            if time.monotonic() > deadline:
                raise StackError(f"local.{part} does not become ready; {self._last_words(part)}")
            time.sleep(0.02)

    def _post(self, url: str) -> Any:
        return self._get(url, "POST")

    def _get(self, url: str, method: str = "GET") -> Any:
        """The JSON of a page; None if it is not to be had now."""
        host, _, path = url.removeprefix("http://").partition("/")
        connection = http.client.HTTPConnection(host, timeout=5)
        try:
            connection.request(method, "/" + path)
            response = connection.getresponse()
            content = response.read()
            return json.loads(content) if response.status == 200 else None
        except (OSError, http.client.HTTPException):
            return None
        finally:
            connection.close()

    def _last_words(self, part: str) -> str:
        log = self.plan.log(part)
        tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:]) if log.exists() else ""
        return f"its log {log} ends:\n{tail}" if tail else f"its log {log} is empty"

    def _tell(self, what: str) -> None:
        self._progress(what, time.monotonic() - self._began)

    # --- stopping ------------------------------------------------------------------------------------------------

    def stop(self) -> None:
        """Everything, at once; safe to call again."""
        processes, self._processes = self._processes, {}
        for process in processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        self.redis.stop()
        self.postgres.stop()
        for process in processes.values():
            stop(process)
