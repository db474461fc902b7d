"""Processes are started on demand, reused, replaced and ended."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from local.plan import Plan, Ports
from tests.conftest import eventually
from tests.local.lambda_service.conftest import SOURCES, Service


def test_sequential_invocations_share_one_process(service: Service) -> None:
    service.reset("facts")
    cold = service.describe("facts")["cold_starts"]
    assert len({service.result("facts")["pid"] for _ in range(10)}) == 1
    described = service.describe("facts")
    assert (described["processes"], described["cold_starts"] - cold) == (1, 1)
    assert described["last_init_ms"] > 20


def test_parallel_invocations_get_a_process_each(service: Service, tmp_path: Path) -> None:
    service.reset("meets")
    with ThreadPoolExecutor(3) as threads:
        meeting = {"folder": str(tmp_path), "people": 3}
        processes = set(threads.map(lambda _: service.result("meets", meeting), range(3)))
    assert len(processes) == 3
    assert service.describe("meets")["processes"] == 3


def test_reset_ends_the_processes_of_a_function(service: Service) -> None:
    process = service.result("facts")["pid"]
    service.reset("facts")
    assert service.result("facts")["pid"] != process
    assert eventually(lambda: not psutil.pid_exists(process))


def test_a_changed_environment_is_that_of_the_next_process_of_every_function(service: Service) -> None:
    old = service.result("facts")["pid"]
    assert service.request("PUT", "/environment", {"SCHOOL_TODAY": "2026-05-20"})[0] == 200
    found = service.result("facts")
    assert (found["pid"] != old, found["environment"]["SCHOOL_TODAY"]) == (True, "2026-05-20")
    service.request("PUT", "/environment", {"SCHOOL_TODAY": None})
    assert "SCHOOL_TODAY" not in service.result("facts")["environment"]


def test_an_answering_function_is_started_before_its_first_invocation(service: Service) -> None:
    eventually(lambda: service.request("GET", "/ready")[0] == 200)
    assert service.result("warm") == "provisioned-concurrency"
    assert service.describe("warm")["cold_starts"] == 0


def test_a_process_that_exits_is_an_error_and_is_replaced(service: Service) -> None:
    for _ in range(2):
        error = service.failure("exits")
        assert error["errorType"] == "Runtime.ExitError"
        assert error["errorMessage"].endswith("exit status 3")


def test_a_process_killed_in_the_middle_of_an_invocation_is_an_error(service: Service) -> None:
    assert service.request("POST", "/functions/naps/kill")[1] == {"killed": False}
    with ThreadPoolExecutor(1) as threads:
        failure = threads.submit(service.failure, "naps")
        assert eventually(lambda: service.request("POST", "/functions/naps/kill")[1]["killed"])
        assert failure.result()["errorType"] == "Runtime.ExitError"


@pytest.mark.parametrize(
    ("kind", "error", "has_run"),
    [
        ("dies_before", "Runtime.ExitError", False),
        ("dies_after", "Runtime.ExitError", True),
        ("hangs_after", "Sandbox.Timedout", True),
    ],
)
def test_an_invocation_meets_an_injected_fault(
    service: Service, tmp_path: Path, kind: str, error: str, has_run: bool
) -> None:
    event = {"seconds": 0, "mark": str(tmp_path / "ran")}
    assert service.request("PUT", "/functions/sleeps/faults", {kind: 1})[0] == 200
    assert service.failure("sleeps", event)["errorType"] == error
    assert (tmp_path / "ran").exists() is has_run
    assert service.result("sleeps", event)


def test_a_fault_of_an_unknown_kind_is_named(service: Service) -> None:
    status, answer, _ = service.request("PUT", "/functions/sleeps/faults", {"explodes": 1})
    assert (status, answer["message"]) == (400, "explodes: expected one of dies_before, dies_after, hangs_after")


def test_no_function_process_survives_the_service(tmp_path: Path) -> None:
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
from local.lambda_service.packages import Packages
from local.lambda_service.service import serving
from local.plan import Plan
from tests.local.lambda_service.conftest import function
async def serve():
    packages = Packages(Path({str(code.parent)!r}), build_runtime(), {{}})
    async with serving(Plan.load(Path({str(plan.folder / "plan.json")!r})), [function("warm")], packages):
        await asyncio.sleep(60)
asyncio.run(serve())
"""
    service = psutil.Popen([sys.executable, "-c", script])
    try:
        eventually(lambda: any("awslambdaric" in child.cmdline() for child in service.children()))
        children = service.children()
    finally:
        service.kill()
        service.wait()
    assert psutil.wait_procs(children, timeout=30)[1] == []
