"""The Invoke API and the pages beside it."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from local.lambda_service.invoke_api import function_name
from tests.conftest import eventually
from tests.local.lambda_service.conftest import Service


def test_invoke_returns_what_the_function_returns(service: Service) -> None:
    event = {"text": "Zvakanaka — “100 %” 👍", "amount": "400.00", "none": None}
    assert service.result("echo", event) == event


def test_a_function_is_found_by_name_version_and_arn() -> None:
    for text in ("echo", "echo:live", "function:echo", "arn:aws:lambda:eu-west-1:123456789012:function:echo:live"):
        assert function_name(text) == "echo"
    assert function_name("arn%3Aaws%3Alambda%3Aeu-west-1%3A123456789012%3Afunction%3Aecho") == "echo"


def test_invalid_requests_get_the_errors_of_aws(service: Service) -> None:
    status, error, headers = service.invoke("nothing")
    assert (status, headers["x-amzn-errortype"]) == (404, "ResourceNotFoundException")
    assert error["message"].startswith("Function not found: arn:aws:lambda:")
    status, _, headers = service.invoke("echo", b"{not json")
    assert (status, headers["x-amzn-errortype"]) == (400, "InvalidRequestContentException")
    status, _, headers = service.invoke("echo", "x" * (6 * 1024 * 1024 + 1))
    assert (status, headers["x-amzn-errortype"]) == (413, "RequestTooLargeException")


def test_an_asynchronous_invocation_is_accepted_and_runs_later(service: Service) -> None:
    before = service.describe("echo")["invocations"]
    status, body, _ = service.invoke("echo", {}, **{"X-Amz-Invocation-Type": "Event"})
    assert (status, body) == (202, None)
    assert eventually(lambda: service.describe("echo")["invocations"] == before + 1)


def test_invocations_beyond_the_concurrency_are_throttled(service: Service, tmp_path: Path) -> None:
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
