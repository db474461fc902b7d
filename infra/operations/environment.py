"""The deployed stacks of an environment, and the clients to ask AWS with."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

STACKS: Final = ("network", "data", "bot", "monitoring")  # in the order of deployment
PATIENCE: Final = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 4, "mode": "standard"})


@dataclass(frozen=True)
class Resource:
    """One resource of a stack, as CloudFormation lists it."""

    type: str  # AWS::SQS::Queue
    logical_id: str
    physical_id: str
    status: str
    updated: str


class Environment:
    """An environment such as `dev`, in the region and with the credentials of the shell."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._session = boto3.Session()
        self.client = cache(self._client)

    def _client(self, service: str) -> Any:
        return self._session.client(service, config=PATIENCE)

    @property
    def region(self) -> str:
        return str(self._session.region_name)

    @property
    def prefix(self) -> str:
        """What the names of its resources begin with."""
        return f"school-{self.name}-"

    @cached_property
    def stacks(self) -> dict[str, dict[str, Any] | None]:
        """Stack -> CloudFormation's description; None for one that does not exist."""
        return {name: self._describe(name) for name in STACKS}

    def _describe(self, stack: str) -> dict[str, Any] | None:
        try:
            described = self.client("cloudformation").describe_stacks(StackName=self.prefix + stack)
        except ClientError as error:
            if error.response["Error"]["Code"] == "ValidationError":  # there is no such stack
                return None
            raise
        found: dict[str, Any] = described["Stacks"][0]
        return found

    @property
    def log_key(self) -> str:
        """The key of the digests that stand for message ids in the functions' logs."""
        bot = self.stacks["bot"]
        return str(bot["StackId"]) if bot else ""

    def resources(self, kind: str) -> Iterator[Resource]:
        """The resources of that type, of all stacks."""
        return (resource for resource in self._resources if resource.type == kind)

    @cached_property
    def _resources(self) -> list[Resource]:
        pages = self.client("cloudformation").get_paginator("list_stack_resources")
        return [
            Resource(
                item["ResourceType"],
                item["LogicalResourceId"],
                item.get("PhysicalResourceId", ""),
                item["ResourceStatus"],
                f"{item['LastUpdatedTimestamp']:%Y-%m-%d %H:%M}",
            )
            for name, stack in self.stacks.items()
            if stack
            for page in pages.paginate(StackName=self.prefix + name)
            for item in page["StackResourceSummaries"]
        ]

    def template(self, stack: str) -> dict[str, Any]:
        """The deployed template."""
        body = self.client("cloudformation").get_template(StackName=self.prefix + stack)["TemplateBody"]
        return dict(json.loads(body) if isinstance(body, str) else body)

    def function_settings(self, name: str) -> dict[str, str]:
        """The environment variables of a deployed function; `name` as in the catalog."""
        deployed = self.prefix + name.replace("_", "-")
        found = self.client("lambda").get_function_configuration(FunctionName=deployed)
        return dict(found.get("Environment", {}).get("Variables", {}))
