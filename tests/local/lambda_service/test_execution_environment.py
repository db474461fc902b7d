"""How one process fails, and what it logs."""

import json
import time

from tests.local.lambda_service.conftest import Service


def test_an_exception_is_a_function_error(service: Service) -> None:
    error = service.failure("raises")
    assert (error["errorType"], error["errorMessage"]) == ("SchoolIsClosed", "until Monday")
    assert "raises.py" in error["stackTrace"][-1]


def test_a_timed_out_invocation_fails_and_its_process_is_killed(service: Service) -> None:
    process = service.result("sleeps", {})
    began = time.monotonic()
    error = service.failure("sleeps", {"seconds": 90})
    assert time.monotonic() - began > 0.9
    assert error["errorType"] == "Sandbox.Timedout"
    assert error["errorMessage"].endswith("Task timed out after 1.00 seconds")
    assert service.result("sleeps", {}) != process  # the process is gone, the next call has another


def test_a_failed_start_reports_the_import_error(service: Service) -> None:
    for _ in range(2):
        error = service.failure("does_not_start")
        assert error["errorType"] == "Runtime.ImportModuleError"
        assert "no_such_module" in error["errorMessage"]
    assert service.describe("does_not_start")["start_error"]["errorType"] == "Runtime.ImportModuleError"


def test_a_result_over_six_megabytes_is_a_function_error(service: Service) -> None:
    assert len(service.result("big", 2_000_000)) == 2_000_000
    assert service.failure("big", 7_000_000)["errorType"] == "Function.ResponseSizeTooLarge"


def test_each_invocation_ends_with_a_report_line_in_the_log(service: Service) -> None:
    service.result("prints")
    lines = service.plan.log("prints").read_text().splitlines()
    assert "a line of its own" in lines
    report = json.loads(lines[-1])
    assert report["type"] == "platform.report"
    assert report["record"]["status"] == "success"
    assert report["record"]["metrics"]["initDurationMs"] > 0
    service.result("prints")
    assert "initDurationMs" not in service.plan.log("prints").read_text().splitlines()[-1]
