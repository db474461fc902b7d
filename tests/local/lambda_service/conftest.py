"""The Lambda service with small functions, in real processes under AWS's runtime client."""

import asyncio
import http.client
import json
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import pytest

from infra.catalog import Function, Side, Trigger
from infra.packaging import LOCAL as THIS_MACHINE
from infra.packaging import build_layer, build_runtime
from local.lambda_service.packages import Packages
from local.lambda_service.service import serving
from local.plan import Plan, Ports

SOURCES = {
    "echo": "def handler(event, context):\n    return event\n",
    "facts": """
        import os, sys, time
        started = time.time()
        def handler(event, context):
            return {
                "pid": os.getpid(),
                "environment": dict(os.environ),
                "path": sys.path,
                "cwd": os.getcwd(),
                "request_id": context.aws_request_id,
                "arn": context.invoked_function_arn,
                "left": context.get_remaining_time_in_millis(),
            }
        """,
    "imports": "def handler(event, context):\n    return __import__(event['module']).__file__\n",
    "sleeps": """
        import os, pathlib, time
        def handler(event, context):
            if "mark" in event:
                pathlib.Path(event["mark"]).touch()
            time.sleep(event.get("seconds", 0))
            return os.getpid()
        """,
    "naps": "import time\ndef handler(event, context):\n    time.sleep(20)\n",
    "meets": """
        import os, pathlib, time
        def handler(event, context):
            folder = pathlib.Path(event["folder"])
            (folder / str(os.getpid())).touch()
            while len(list(folder.iterdir())) < event["people"]:
                time.sleep(0.01)
            return os.getpid()
        """,
    "raises": """
        class SchoolIsClosed(Exception):
            pass
        def handler(event, context):
            raise SchoolIsClosed("until Monday")
        """,
    "exits": "import os\ndef handler(event, context):\n    os._exit(3)\n",
    "does_not_start": "import no_such_module\n",
    "prints": "def handler(event, context):\n    print('a line of its own')\n",
    "big": "def handler(event, context):\n    return 'x' * event\n",
    "warm": "import os\ndef handler(event, context):\n    return os.environ['AWS_LAMBDA_INITIALIZATION_TYPE']\n",
}
LAYERS = {"imports": ("core",)}
TIMEOUTS = {"sleeps": 1}


def function(name: str) -> Function:
    return Function(
        name=name,
        side=Side.INTERNET,
        trigger=Trigger.CONVERSATION,
        purpose="a test",
        memory=128,
        timeout=TIMEOUTS.get(name, 30),
        layers=LAYERS.get(name, ()),
        answering=name == "warm",
    )


class Service:
    """The service as its callers see it."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    def request(self, method: str, path: str, body: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        connection = http.client.HTTPConnection("127.0.0.1", self.plan.ports.lambdas, timeout=60)
        try:
            connection.request(method, path, body if isinstance(body, bytes) else json.dumps(body), headers)
            response = connection.getresponse()
            content = response.read()
            answered = {name.lower(): value for name, value in response.getheaders()}
            return response.status, json.loads(content) if content else None, answered
        finally:
            connection.close()

    def invoke(self, name: str, event: Any = None, **headers: str) -> tuple[int, Any, dict[str, str]]:
        return self.request("POST", f"/2015-03-31/functions/{name}/invocations", event, **headers)

    def result(self, name: str, event: Any = None) -> Any:
        status, result, headers = self.invoke(name, event)
        assert (status, "x-amz-function-error" in headers) == (200, False), result
        return result

    def failure(self, name: str, event: Any = None) -> dict[str, Any]:
        status, error, headers = self.invoke(name, event)
        assert (status, headers.get("x-amz-function-error")) == (200, "Unhandled"), error
        return dict(error)

    def describe(self, name: str) -> dict[str, Any]:
        return dict(self.request("GET", "/functions")[1][name])

    def reset(self, name: str) -> None:
        assert self.request("POST", f"/functions/{name}/reset")[0] == 200


@pytest.fixture(scope="package")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    code = tmp_path_factory.mktemp("code")
    (code / "functions").mkdir()
    for name, source in SOURCES.items():
        (code / "functions" / f"{name}.py").write_text(textwrap.dedent(source))
    packages = Packages(code, build_runtime(), {"core": build_layer("core", THIS_MACHINE)})
    plan = Plan.create(tmp_path_factory.mktemp("run"), Ports.free())
    started: Future[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = Future()

    async def serve() -> None:
        stop = asyncio.Event()
        async with serving(plan, [function(name) for name in SOURCES], packages):
            started.set_result((asyncio.get_running_loop(), stop))
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=[serve()])
    thread.start()
    loop, stop = started.result(60)
    yield Service(plan)
    loop.call_soon_threadsafe(stop.set)
    thread.join()
