"""What CloudFormation needs to know of a type of resource: how it is created, changed and deleted."""

import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any, ClassVar

import boto3
from botocore.config import Config

from local.plan import ACCOUNT, REGION

Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Context:
    """Where a resource is declared."""

    stack: str
    stack_id: str
    logical_id: str
    type: str

    def name(self, longest: int = 255) -> str:
        """A name for a resource whose template gives none."""
        return f"{self.stack}-{self.logical_id}"[: longest - 9] + "-" + uuid.uuid4().hex[:8]


@dataclass(frozen=True)
class Made:
    """A resource that exists: its physical id (`Ref`) and its attributes (`Fn::GetAtt`)."""

    id: str
    attributes: Mapping[str, Any] = field(default_factory=dict)


class ResourceType:
    """One type. By itself a change is made as a creation is: most of AWS's calls put the whole resource."""

    replaced_by: ClassVar[tuple[str, ...]] = ()  # properties that cannot be changed

    def create(self, context: Context, properties: Properties) -> Made:
        raise NotImplementedError

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return self.create(context, properties)

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        raise NotImplementedError

    def is_replaced(self, before: Properties, properties: Properties) -> bool:
        return any(before.get(name) != properties.get(name) for name in self.replaced_by)


class Recorded(ResourceType):
    """A resource that is kept as it was declared, and does nothing here."""

    def __init__(self, *attributes: str, name: str = "") -> None:
        """`name`: the property that names it."""
        self._attributes, self._name = attributes, name

    def create(self, context: Context, properties: Properties) -> Made:
        id = str(properties.get(self._name) or context.name())
        return Made(id, {attribute: f"{id}/{attribute}" for attribute in self._attributes})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        """Nothing was made."""


_endpoint = ""


def use_endpoint(url: str) -> None:
    """Where the types find the services of the account."""
    global _endpoint
    _endpoint = url


@cache
def client(service: str) -> Any:
    """A client of the account's own services, as CloudFormation's role."""
    return boto3.client(
        service,
        endpoint_url=_endpoint,
        region_name=REGION,
        aws_access_key_id="cloudformation",
        aws_secret_access_key="cloudformation",  # noqa: S106 - nothing checks it
        config=Config(retries={"total_max_attempts": 1}, read_timeout=120, inject_host_prefix=False),
    )


def arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def lower_first(value: Any) -> Any:
    """With every key beginning in lower case: CloudFormation's spelling -> that of some APIs."""
    return _keys(value, lambda key: key[:1].lower() + key[1:])


def _keys(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(key): _keys(item, change) for key, item in value.items()}
    return [_keys(item, change) for item in value] if isinstance(value, list) else value


def tags(properties: Properties) -> list[dict[str, str]]:
    return list(properties.get("Tags", []))
