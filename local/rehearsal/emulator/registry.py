"""What the account holds besides moto's services: servers, and what connects them to functions."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final

RESPONSES_HOST: Final = "cloudformation-custom-resource-response-euwest1.s3.eu-west-1.amazonaws.com"


@dataclass(frozen=True)
class DatabaseInstance:
    """An instance of RDS for PostgreSQL."""

    identifier: str
    host: str
    port: int
    resource_id: str
    is_replica: bool
    database: str
    master: str
    master_password: str = field(repr=False)
    iam: bool = False


@dataclass(frozen=True)
class Cache:
    """A serverless cache."""

    name: str
    host: str
    port: int
    user_group: str


@dataclass(frozen=True)
class CacheUser:
    """A user of caches."""

    id: str
    name: str
    access: str  # as in Redis's ACL
    iam: bool


@dataclass
class Registry:
    """Everything by its name."""

    invoke: Callable[[str, bytes], bytes]  # a function by ARN or name, and its payload -> its result
    databases: dict[str, DatabaseInstance] = field(default_factory=dict)
    caches: dict[str, Cache] = field(default_factory=dict)
    cache_users: dict[str, CacheUser] = field(default_factory=dict)
    permissions: dict[str, dict[str, Any]] = field(default_factory=dict)  # of Lambda
    http_api: dict[str, dict[str, dict[str, Any]]] = field(default_factory=dict)  # kind of part -> id -> properties
    event_sources: dict[str, dict[str, Any]] = field(default_factory=dict)
    responses: dict[str, dict[str, Any]] = field(default_factory=dict)  # of custom resources, by their request


_account: Registry | None = None


def account() -> Registry:
    assert _account, "the emulator has not started"
    return _account


def start(registry: Registry) -> None:
    global _account
    _account = registry
