"""What a function's process sees of this machine."""

import pytest

from tests.local.lambda_service.conftest import Service


def test_a_process_has_the_environment_of_lambda(service: Service, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_function_can_import_its_own_layers_only(service: Service) -> None:
    """What the development environment has but no layer must be missing here too."""
    assert "layer-core" in service.result("imports", {"module": "requests"})
    assert "runtime" in service.result("imports", {"module": "boto3"})
    for absent in ("openai", "reportlab", "pytest", "moto", "infra", "local"):
        assert service.failure("imports", {"module": absent})["errorType"] == "ModuleNotFoundError"
    # Its own layer's packages come before those of the runtime, as on AWS.
    assert "layer-core" in service.result("imports", {"module": "urllib3"})
