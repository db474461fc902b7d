"""Whether a role may do something: its policies, denying what none of them allows; and who asked for what."""

import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from local.rehearsal.emulator.types.base import client


@dataclass(frozen=True)
class Decision:
    """One call that a role made."""

    role: str
    action: str
    resource: str
    allowed: bool


class Policies:
    """The inline policies of all roles, as they are deployed."""

    def __init__(self) -> None:
        self.decisions: set[Decision] = set()
        self._lock = threading.Lock()
        self._statements: dict[str, list[dict[str, Any]]] = {}

    def forget(self) -> None:
        """Read the policies again: a stack has changed."""
        with self._lock:
            self._statements.clear()

    def allow(self, role: str, action: str, resource: str) -> bool:
        """Whether that role (an ARN or a name) may; each question is remembered."""
        name = role.rpartition("/")[2]
        allowed = decide(self._of(name), action, resource)
        with self._lock:
            self.decisions.add(Decision(name, action, resource, allowed))
        return allowed

    def _of(self, role: str) -> list[dict[str, Any]]:
        with self._lock:
            if role not in self._statements:
                self._statements[role] = list(_statements(role))
            return self._statements[role]


def _statements(role: str) -> Iterator[dict[str, Any]]:
    iam = client("iam")
    for name in iam.list_role_policies(RoleName=role)["PolicyNames"]:
        statements = iam.get_role_policy(RoleName=role, PolicyName=name)["PolicyDocument"]["Statement"]
        yield from statements if isinstance(statements, list) else [statements]


def decide(statements: list[dict[str, Any]], action: str, resource: str) -> bool:
    """As IAM does for an identity: an explicit denial wins, and without a permission it is refused.

    A statement with a condition permits nothing here, since the request's context is not known.
    """
    matching = [item for item in statements if _matches(item, action, resource)]
    if any(item["Effect"] == "Deny" for item in matching):
        return False
    return any(item["Effect"] == "Allow" and "Condition" not in item for item in matching)


def _matches(statement: Mapping[str, Any], action: str, resource: str) -> bool:
    unknown = statement.keys() - {"Sid", "Effect", "Action", "Resource", "Condition"}
    if unknown:
        raise NotImplementedError(f"a policy statement with {', '.join(sorted(unknown))}")
    actions, resources = _list(statement["Action"]), _list(statement["Resource"])
    return any(pattern(item.lower()).fullmatch(action.lower()) for item in actions) and any(
        pattern(item).fullmatch(resource) for item in resources
    )


def _list(value: Any) -> list[str]:
    return [value] if isinstance(value, str) else list(value)


@cache
def pattern(text: str) -> re.Pattern[str]:
    """`*` is any text and `?` one character."""
    return re.compile(re.escape(text).replace(r"\*", ".*").replace(r"\?", "."), re.DOTALL)
