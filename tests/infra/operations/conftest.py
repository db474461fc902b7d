"""An account in this process (moto), and an environment in it whose stacks are said to hold given resources."""

from collections.abc import Iterator
from typing import Any

import pytest
from moto import mock_aws

from infra.operations.environment import Environment, Resource


class KnownEnvironment(Environment):
    """moto's CloudFormation knows too few types; the rehearsal runs the same checks on deployed stacks."""

    def __init__(self, name: str, resources: list[Resource], stacks: dict[str, Any] | None = None) -> None:
        super().__init__(name)
        self._resources = resources
        self.stacks = stacks or {}


def resource(type: str, physical_id: str, status: str = "CREATE_COMPLETE") -> Resource:
    return Resource(type, "Logical", physical_id, status, "2026-11-25 17:00")


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "operator")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "operator")
    with mock_aws():
        yield
