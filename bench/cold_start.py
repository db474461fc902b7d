"""What a cold start costs: fresh processes under AWS's runtime client, each with its own layers only.

A small Runtime API serves one process at a time: from its start until it asks for work it is "ready", then it gets one
event. CPU time and memory come from the operating system, since the clock of a shared machine says little.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from typing import Any, Final

from bench.events import Events
from bench.figures import summary
from bench.report import Table, Target
from bench.stage import Stage
from infra.catalog import FUNCTIONS, Function, Side, Trigger
from local.child import die_with_parent
from local.lambda_service.packages import Packages

LIGHT: Final = ("webhook", "fetch_fees", "fetch_payments", "send_reply")  # at most 5 times an empty function
HEAVY: Final = ("ai_reply", "gate_pass")  # at most 12 times
ON_DEMAND: Final = {"AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand"}
SLOWEST_START: Final = 30.0  # seconds
EMPTY: Final = Function("empty", Side.INTERNET, Trigger.HTTP, "an empty handler", 512, 10, layers=())
BUNDLE: Final = Function(
    "bundle",
    Side.INTERNET,
    Trigger.HTTP,
    "one bundle that imports everything",
    1024,
    30,
    ("core", "ai", "graph", "pdf"),
)
EMPTY_CODE: Final = "def handler(event, context):\n    return {}\n"
BUNDLE_CODE: Final = """
from functions import {names}
import boto3, openai, qrcode, redis.cluster, reportlab.platypus, requests, sqlalchemy.orm, strawberry
import sqlalchemy.dialects.postgresql.pg8000, PIL.Image, phonenumbers, aws_lambda_powertools
boto3.client("s3"), boto3.client("sqs"), openai.OpenAI(api_key="none").responses
from functions.adapters import school_graph_client
from functions.adapters.database import connection, gate_passes, message_log, senders
from functions.adapters.documents import gate_pass as _, statement
from functions.adapters.graphql import schema

def handler(event, context):
    return {{}}
"""


@dataclass
class Start:
    """One fresh process; seconds, and MB at most."""

    ready: float = 0.0
    ready_cpu: float = 0.0
    first: float | None = None
    first_cpu: float | None = None
    memory: float = 0.0
    failure: str | None = None


@dataclass
class Starts:
    """All starts of one function."""

    with_byte_code: list[Start] = field(default_factory=list)
    without: list[Start] = field(default_factory=list)


class RuntimeApi:
    """AWS's Runtime API for one process: hands over `event`, and remembers when what happened."""

    def __init__(self, event: object | None) -> None:
        self.event = event
        self.ready = threading.Event()
        self.go = threading.Event()  # the event is handed over only then
        self.answered = threading.Event()
        self.ready_at = self.answered_at = 0.0
        self.failure: str | None = None
        self._asked = 0

    def get(self) -> bytes:
        """The process asks for work: the first time it is ready, the second time it has nothing more to do."""
        self._asked += 1
        if self._asked == 1:
            self.ready_at = time.monotonic()
            self.ready.set()
            self.go.wait(SLOWEST_START)
            return json.dumps(self.event).encode()
        threading.Event().wait(SLOWEST_START)  # until it is killed
        return b"{}"

    def post(self, path: str, body: bytes) -> None:
        if path.endswith("/error"):
            self.failure = body.decode("utf-8", "replace")[:300]
        self.answered_at = time.monotonic()
        self.ready.set()
        self.answered.set()


@contextmanager
def serving(api: RuntimeApi) -> Iterator[int]:
    """The API on a loopback port."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._send(200, api.get())

        def do_POST(self) -> None:
            api.post(self.path, self._body())
            self._send(202, b"{}")

        def _body(self) -> bytes:
            if "Content-Length" in self.headers:
                return self.rfile.read(int(self.headers["Content-Length"]))
            body = b""  # in chunks
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def _send(self, status: int, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("Content-Type", "application/json")  # AWS's client crashes without one
            self.send_header("Lambda-Runtime-Aws-Request-Id", "bench")
            self.send_header("Lambda-Runtime-Deadline-Ms", str(round((time.time() + 30) * 1000)))
            self.send_header("Lambda-Runtime-Trace-Id", "Root=1-00000000-000000000000000000000000;Sampled=0")
            self.send_header("Lambda-Runtime-Invoked-Function-Arn", "arn:aws:lambda:eu-west-1:123456789012:function:b")
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nothing."""

    class Server(ThreadingHTTPServer):
        def handle_error(self, request: object, client_address: object) -> None:
            """The process was ended while it waited for more work."""

    server = Server(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()


def start(function: Function, environment: Mapping[str, str], event: object | None) -> Start:
    """Start one process, give it `event` (None: no event), end it."""
    api, found = RuntimeApi(event), Start()
    with serving(api) as port:
        began = time.monotonic()
        process = subprocess.Popen(
            [sys.executable, "-S", "-s", "-m", "awslambdaric", function.handler],
            cwd=environment["LAMBDA_TASK_ROOT"],
            env={**environment, "AWS_LAMBDA_RUNTIME_API": f"127.0.0.1:{port}"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=partial(die_with_parent, parent=os.getpid()),
        )
        try:
            if not api.ready.wait(SLOWEST_START) or api.failure:
                return replace(found, failure=api.failure or "did not start")
            found.ready, found.ready_cpu = api.ready_at - began, _cpu(process.pid)
            if event is not None:
                handed_over = time.monotonic()
                api.go.set()
                api.answered.wait(SLOWEST_START)
                found.first, found.failure = api.answered_at - handed_over, api.failure
                found.first_cpu = _cpu(process.pid) - found.ready_cpu
            found.memory = _most_memory(process.pid)
            return found
        finally:
            process.kill()
            process.wait()


def _cpu(pid: int) -> float:
    """Seconds of CPU so far, in steps of 10 ms: user and system, threads that have ended included."""
    ticks = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(ticks[11]) + int(ticks[12])) / os.sysconf("SC_CLK_TCK")


def _most_memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmHWM"):
            return int(line.split()[1]) / 1000
    return 0.0


# --- packages --------------------------------------------------------------------------------------------------------


@contextmanager
def packages() -> Iterator[dict[bool, Packages]]:
    """What functions run on, with byte code (True) and without, the empty function and the bundle added."""
    names = dict.fromkeys(layer for function in [*FUNCTIONS, BUNDLE] for layer in function.layers)
    built = Packages.build(names)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        copies = {}
        for has_byte_code in (True, False):
            root = Path(folder, str(has_byte_code))
            code = root / "code"
            ignore = None if has_byte_code else shutil.ignore_patterns("__pycache__")
            shutil.copytree(built.code, code, ignore=ignore)
            answering = [function.name for function in FUNCTIONS]
            (code / "functions" / "empty.py").write_text(EMPTY_CODE)
            (code / "functions" / "bundle.py").write_text(BUNDLE_CODE.format(names=", ".join(answering)))
            layers = dict(built.layers)
            if not has_byte_code:
                for name, layer in built.layers.items():
                    shutil.copytree(layer, root / name, ignore=ignore)
                    layers[name] = root / name
            copies[has_byte_code] = Packages(code, built.runtime, layers)
        yield copies


# --- measuring -------------------------------------------------------------------------------------------------------


def measure(stage: Stage, runs: int, progress: Callable[[int], None]) -> dict[str, Starts]:
    """`runs` starts of each function, in turn, so that a slow moment of the machine hits all alike."""
    events = Events(stage)
    everything = {name: value for function in FUNCTIONS for name, value in stage.plan.environment(function).items()}
    found: dict[str, Starts] = {}
    with packages() as copies, stage.without_conversations():
        for run in range(runs):
            for function in [EMPTY, *FUNCTIONS, BUNDLE]:
                starts = found.setdefault(function.name, Starts())
                for has_byte_code, into in ((True, starts.with_byte_code), (False, starts.without)):
                    if not has_byte_code and not (function.answering or function in (EMPTY, BUNDLE)):
                        continue
                    own = everything if function in (EMPTY, BUNDLE) else stage.plan.environment(function) | ON_DEMAND
                    environment = copies[has_byte_code].environment(function) | own
                    event = {} if function in (EMPTY, BUNDLE) else events.of(function.name)
                    once = start(function, environment, event if has_byte_code or run == 0 else None)
                    if once.failure:
                        raise RuntimeError(f"{function.name}: {once.failure}")
                    into.append(once)
                    progress(1)
    return found


def steps(runs: int) -> int:
    return runs * (len(FUNCTIONS) + sum(function.answering for function in FUNCTIONS) + 4)


def table(found: dict[str, Starts]) -> Table:
    made = Table(
        f"Cold start: ms, median of {len(found['empty'].with_byte_code)}",
        ["function", "ready", "CPU", "times empty", "first call", "CPU of it", "MB", "no byte code", "", "targets"],
    )
    empty = median([one.ready for one in found["empty"].with_byte_code])
    readies = {name: median([one.ready for one in starts.with_byte_code]) for name, starts in found.items()}
    ordinary = median([value for name, value in readies.items() if name not in ("empty", "bundle")])
    for name, starts in found.items():
        ready, slow = readies[name], [one.ready for one in starts.without]
        firsts = [one.first for one in starts.with_byte_code if one.first is not None]
        first_cpu = [one.first_cpu for one in starts.with_byte_code if one.first_cpu is not None]
        targets = []
        if name in LIGHT:
            targets.append(Target(ready / empty, 5, " × empty", digits=1))
        if name in HEAVY:
            targets.append(Target(ready / empty, 12, " × empty", digits=1))
        if name == "bundle":
            targets.append(Target(ready / ordinary, 5, " × the median function", at_least=True, digits=1))
        made.add(
            [
                name,
                f"{ready * 1000:.0f}",
                f"{median([one.ready_cpu for one in starts.with_byte_code]) * 1000:.0f}",
                f"{ready / empty:.1f}",
                f"{median(firsts) * 1000:.0f}" if firsts else "–",
                f"{median(first_cpu) * 1000:.0f}" if first_cpu else "–",
                f"{median([one.memory for one in starts.with_byte_code]):.0f}",
                f"{median(slow) * 1000:.0f}" if slow else "–",
                f"× {median(slow) / ready:.1f}" if slow else "",
            ],
            targets,
            function=name,
            ready=summary([one.ready for one in starts.with_byte_code]),
            ready_cpu=summary([one.ready_cpu for one in starts.with_byte_code]),
            times_empty=round(ready / empty, 2),
            first=summary(firsts) if firsts else None,
            memory_mb=summary([one.memory for one in starts.with_byte_code]),
            without_byte_code=summary(slow) if slow else None,
        )
    made.notes = [
        "ready: from the start of the interpreter until the runtime client asks for work; AWS adds about 100 ms for "
        "the sandbox. first call: with a real event, all outside delays zero.",
        "bundle: every layer and every module in one function, with boto3 clients, as one fat package would.",
    ]
    return made


def used_memory(found: dict[str, Starts]) -> dict[str, Any]:
    return {name: max(one.memory for one in starts.with_byte_code) for name, starts in found.items()}
