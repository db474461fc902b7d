"""Taking a release back: what is under way is cancelled, what was changed by hand is set right first."""

from typing import Any

import pytest

from infra.rollback import Rollback, RollbackError, run

STACK = "school-prod-bot"
VERSION = "arn:aws:lambda:eu-west-1:111122223333:function:school-prod-understand:8"


class Aws:
    """CloudFormation with one stack, and Lambda with one function."""

    def __init__(self, status: str = "UPDATE_COMPLETE", version: str = "8", weights: dict[str, float] | None = None):
        self.status = status
        self.alias = {"FunctionVersion": version, "RoutingConfig": {"AdditionalVersionWeights": weights or {}}}
        self.cancelled = 0

    def describe_stacks(self, **_: Any) -> dict[str, Any]:
        return {"Stacks": [{"StackStatus": self.status}]}

    def cancel_update_stack(self, StackName: str) -> None:  # noqa: N803 - AWS's name
        assert StackName == STACK
        self.cancelled += 1

    def get_paginator(self, name: str) -> "Aws":
        assert name == "list_stack_resources"
        return self

    def paginate(self, **_: Any) -> list[dict[str, Any]]:
        resources = [("AWS::Lambda::Version", VERSION), ("AWS::SQS::Queue", "https://sqs/queue")]
        found = [{"ResourceType": kind, "PhysicalResourceId": id} for kind, id in resources]
        return [{"StackResourceSummaries": [item]} for item in found]

    def get_alias(self, FunctionName: str, Name: str) -> dict[str, Any]:  # noqa: N803
        assert (FunctionName, Name) == ("school-prod-understand", "live")
        return self.alias

    def update_alias(self, FunctionName: str, Name: str, **values: Any) -> None:  # noqa: N803
        assert (FunctionName, Name) == ("school-prod-understand", "live")
        self.alias = values


def roll_back(aws: Aws, to: str | None) -> tuple[list[str], list[str]]:
    """What was deployed, and what was said."""
    deployed: list[str] = []
    said: list[str] = []

    def deploy(release: str) -> int:
        deployed.append(release)
        return 0

    assert run(Rollback(STACK, aws, aws), to, deploy, said.append) == 0
    return deployed, said


def test_a_deployment_that_is_under_way_is_cancelled() -> None:
    aws = Aws("UPDATE_IN_PROGRESS")
    deployed, said = roll_back(aws, "v0.1.0")
    assert aws.cancelled == 1
    assert deployed == []
    assert "cancelled" in said[0]


def test_an_earlier_release_is_deployed() -> None:
    assert roll_back(Aws(), "v0.1.0") == (["v0.1.0"], [])


@pytest.mark.parametrize(("version", "weights"), [("7", None), ("8", {"9": 0.1}), ("7", {"8": 0.5})])
def test_an_alias_that_was_changed_by_hand_is_set_right_first(version: str, weights: dict[str, float] | None) -> None:
    aws = Aws(version=version, weights=weights)
    deployed, said = roll_back(aws, "v0.1.0")
    assert aws.alias == {"FunctionVersion": "8", "RoutingConfig": {"AdditionalVersionWeights": {}}}
    assert deployed == ["v0.1.0"]
    assert said[0].startswith(f"school-prod-understand: live is at version {version}")


@pytest.mark.parametrize("status", ["UPDATE_ROLLBACK_IN_PROGRESS", "UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"])
def test_a_stack_that_is_not_settled_is_waited_for(status: str) -> None:
    with pytest.raises(RollbackError, match=f"school-prod-bot is {status}: wait"):
        roll_back(Aws(status), "v0.1.0")


def test_the_release_has_to_be_named() -> None:
    with pytest.raises(RollbackError, match="TO=<tag or commit>"):
        roll_back(Aws(), None)
