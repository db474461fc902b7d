"""What AWS would refuse in the middle of a deployment is found before it begins."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from infra.preflight import CACHE, PreflightError, check, deployed
from tests.infra.conftest import Environment

BEFORE = {"ServerlessCacheName": "school-prod-cache", "UserGroupId": "users", "Tags": [{"Key": "a", "Value": "1"}]}


def template(**changes: Any) -> dict[str, Any]:
    return {"Resources": {"Cache": {"Type": CACHE, "Properties": BEFORE | changes}}}


def test_two_changes_of_the_cache_are_named() -> None:
    with pytest.raises(PreflightError, match=r"one change at a time.* has 2: CacheUsageLimits, SecurityGroupIds"):
        check(template(), template(CacheUsageLimits={"DataStorage": {"Maximum": 2}}, SecurityGroupIds=["sg-2"]))


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (template(), template()),
        (template(), template(UserGroupId="others")),
        (template(), template(UserGroupId="others", Tags=[])),
        ({}, template()),
        (template(), {"Resources": {}}),
    ],
    ids=["none", "one", "one and tags", "first deployment", "no cache any more"],
)
def test_one_change_is_let_through(before: dict[str, Any], after: dict[str, Any]) -> None:
    check(before, after)


class CloudFormation:
    def __init__(self, answer: object) -> None:
        self.answer = answer

    def get_template(self, StackName: str) -> dict[str, Any]:  # noqa: N803 - AWS's name
        if isinstance(self.answer, Exception):
            raise self.answer
        return {"TemplateBody": self.answer}


def test_the_template_that_is_deployed_is_asked_for() -> None:
    assert deployed(CloudFormation(template()), "school-prod-data") == template()
    assert deployed(CloudFormation(json.dumps(template())), "school-prod-data") == template()
    absent = ClientError({"Error": {"Code": "ValidationError", "Message": "does not exist"}}, "GetTemplate")
    assert deployed(CloudFormation(absent), "school-prod-data") == {}
    with pytest.raises(ClientError):
        deployed(CloudFormation(ClientError({"Error": {"Code": "AccessDenied"}}, "GetTemplate")), "school-prod-data")


def test_the_name_of_the_cache_is_found_in_the_template_of_the_data(prod: Environment) -> None:
    (data,) = [json.loads(path.read_text()) for path in prod.templates() if "data" in path.name]
    with pytest.raises(PreflightError):
        check(template(), data)
