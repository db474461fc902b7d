"""The local Lambda service, with real processes under AWS's runtime client."""

import asyncio
import http.client
import json
import os
import textwrap
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psutil
import pytest

from infra.catalog import Function, Side, Trigger
from infra.packaging import LOCAL as THIS_MACHINE
from infra.packaging import build_layer, build_runtime
from local.lambdas import Packages, function_name, serving
from local.plan import Plan, Ports
from tests.conftest import eventually

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
        import os, time
        def handler(event, context):
            time.sleep(event.get("seconds", 0))
            return os.getpid()
        """,
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
        trigger=Trigger.STATE_MACHINE,
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
        return error

    def describe(self, name: str) -> dict[str, Any]:
        return self.request("GET", "/functions")[1][name]

    def reset(self, name: str) -> None:
        assert self.request("POST", f"/functions/{name}/reset")[0] == 200


@pytest.fixture(scope="module")
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


# --- invoking --------------------------------------------------------------------------------------------------------


def test_a_function_gets_its_event_and_answers(service: Service) -> None:
    event = {"text": "Zvakanaka — “100 %” 👍", "amount": "400.00", "none": None}
    assert service.result("echo", event) == event


def test_a_function_is_found_by_name_version_and_arn() -> None:
    for text in ("echo", "echo:live", "function:echo", "arn:aws:lambda:eu-west-1:123456789012:function:echo:live"):
        assert function_name(text) == "echo"
    assert function_name("arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aecho") == "echo"


def test_an_error_of_the_code_is_a_function_error(service: Service) -> None:
    error = service.failure("raises")
    assert (error["errorType"], error["errorMessage"]) == ("SchoolIsClosed", "until Monday")
    assert "raises.py" in error["stackTrace"][-1]


def test_a_call_that_takes_too_long_is_ended(service: Service) -> None:
    process = service.result("sleeps", {})
    began = time.monotonic()
    error = service.failure("sleeps", {"seconds": 90})
    assert time.monotonic() - began > 0.9
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert service.result("sleeps", {}) != process  # the process is gone, the next call has another


def test_a_process_that_ends_is_reported_and_replaced(service: Service) -> None:
    for _ in range(2):
        error = service.failure("exits")
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"].endswith("exit status 3")


def test_a_function_that_cannot_start_says_why(service: Service) -> None:
    for _ in range(2):
        error = service.failure("does_not_start")
        assert error["errorType"] == "Runtime.ImportModuleError"
        assert "no_such_module" in error["errorMessage"]
    assert service.describe("does_not_start")["start_error"]["errorType"] == "Runtime.ImportModuleError"


def test_mistakes_of_the_caller_are_named(service: Service) -> None:
    status, error, headers = service.invoke("nothing")
    assert (status, headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    assert error["message"].startswith("Function not found: arn:aws:lambda:")
    status, _, headers = service.invoke("echo", b"{not json")
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")
    status, _, headers = service.invoke("echo", "x" * (6 * 1024 * 1024 + 1))
    assert (status, headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")


def test_an_answer_that_is_too_large_is_a_function_error(service: Service) -> None:
    assert len(service.result("big", 2_000_000)) == 2_000_000
    assert service.failure("big", 7_000_000)["errorType"] == "Function.ResponseSizeTooLarge"


def test_an_event_is_accepted_and_handled_later(service: Service) -> None:
    before = service.describe("echo")["invocations"]
    status, body, _ = service.invoke("echo", {}, **{"X-Amz-Invocation-Type": "Event"})
    assert (status, body) == (202, None)
    assert eventually(lambda: service.describe("echo")["invocations"] == before + 1)


# --- execution environments ------------------------------------------------------------------------------------------


def test_one_process_serves_call_after_call(service: Service) -> None:
    service.reset("facts")
    cold = service.describe("facts")["cold_starts"]
    assert len({service.result("facts")["pid"] for _ in range(10)}) == 1
    described = service.describe("facts")
    assert (described["processes"], described["cold_starts"] - cold) == (1, 1)
    assert described["last_init_ms"] > 20


def test_a_busy_process_means_another(service: Service, tmp_path: Path) -> None:
    service.reset("meets")
    with ThreadPoolExecutor(3) as threads:
        meeting = {"folder": str(tmp_path), "people": 3}
        processes = set(threads.map(lambda _: service.result("meets", meeting), range(3)))
    assert len(processes) == 3
    assert service.describe("meets")["processes"] == 3


def test_beyond_its_concurrency_a_function_refuses(service: Service, tmp_path: Path) -> None:
    service.request("PUT", "/2017-10-31/functions/meets/concurrency", {"ReservedConcurrentExecutions": 2})
    meeting = {"folder": str(tmp_path), "people": 3}
    try:
        with ThreadPoolExecutor(2) as threads:
            busy = [threads.submit(service.invoke, "meets", meeting) for _ in range(2)]
            eventually(lambda: len(list(tmp_path.iterdir())) == 2)
            refused = [service.invoke("meets", meeting) for _ in range(2)]
            (tmp_path / "the third").touch()
            answered = [call.result()[0] for call in busy]
    finally:
        service.request("PUT", "/2017-10-31/functions/meets/concurrency", {"ReservedConcurrentExecutions": 50})
    assert answered == [200, 200]
    assert {(status, headers["x-amzn-errortype"]) for status, _, headers in refused} == {
        (429, "TooManyRequestsException")
    }


def test_reset_ends_the_processes(service: Service) -> None:
    process = service.result("facts")["pid"]
    service.reset("facts")
    assert service.result("facts")["pid"] != process
    assert eventually(lambda: not psutil.pid_exists(process))


def test_an_answering_function_is_started_ahead(service: Service) -> None:
    eventually(lambda: service.request("GET", "/ready")[0] == 200)
    assert service.result("warm") == "provisioned-concurrency"
    assert service.describe("warm")["cold_starts"] == 0


def test_a_process_is_started_as_on_lambda(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOMETHING_OF_THIS_MACHINE", "1")
    service.reset("facts")
    facts = service.result("facts")
    environment = facts["environment"]
    assert environment["_HANDLER"] == "functions.facts.handler"
    assert environment["LAMBDA_TASK_ROOT"] == facts["cwd"]
    assert environment["AWS_LAMBDA_FUNCTION_NAME"] == "facts"
    assert environment["AWS_REGION"] == "eu-west-1"
    assert "SOMETHING_OF_THIS_MACHINE" not in environment
    assert "HOME" not in environment
    assert facts["arn"] == "arn:aws:lambda:eu-west-1:123456789012:function:facts"
    assert 1000 < facts["left"] <= 30_010  # ms; the clock's rounding included
    assert not [entry for entry in facts["path"] if "site-packages" in entry]


def test_a_function_sees_its_own_layers_alone(service: Service) -> None:
    """What the development environment has but no layer must be missing here too."""
    assert "layer-core" in service.result("imports", {"module": "requests"})
    assert "runtime" in service.result("imports", {"module": "boto3"})
    for absent in ("openai", "reportlab", "pytest", "moto", "infra", "local"):
        assert service.failure("imports", {"module": absent})["errorType"] == "ModuleNotFoundError"
    # Its own layer's packages come before those of the runtime, as on AWS.
    assert "layer-core" in service.result("imports", {"module": "urllib3"})


def test_each_function_has_a_log_with_a_report_line(service: Service) -> None:
    service.result("prints")
    lines = service.plan.log("prints").read_text().splitlines()
    assert "a line of its own" in lines
    report = json.loads(lines[-1])
    assert report["type"] == "platform.report"
    assert report["record"]["status"] == "success"
    assert report["record"]["metrics"]["initDurationMs"] > 0
    service.result("prints")
    assert "initDurationMs" not in service.plan.log("prints").read_text().splitlines()[-1]


def test_no_process_is_left_when_the_service_is_killed(tmp_path: Path) -> None:
    """The real thing, in a process of its own, killed the hard way."""
    code = tmp_path / "code" / "functions"
    code.mkdir(parents=True)
    (code / "warm.py").write_text(SOURCES["warm"])
    plan = Plan.create(tmp_path / "run", Ports.free())
    plan.save()
    script = f"""
import asyncio
from pathlib import Path
from infra.packaging import build_runtime
from local.lambdas import Packages, serving
from local.plan import Plan
from tests.local.test_lambdas import function
async def serve():
    packages = Packages(Path({str(code.parent)!r}), build_runtime(), {{}})
    async with serving(Plan.load(Path({str(plan.folder / "plan.json")!r})), [function("warm")], packages):
        await asyncio.sleep(60)
asyncio.run(serve())
"""
    service = psutil.Popen([os.sys.executable, "-c", script])
    try:
        eventually(lambda: any("awslambdaric" in child.cmdline() for child in service.children()))
        children = service.children()
    finally:
        service.kill()
        service.wait()
    assert psutil.wait_procs(children, timeout=30)[1] == []
