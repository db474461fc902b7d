"""CloudFormation's engine: brings what exists to what a template says, in order, and back if something fails."""

import uuid
from collections.abc import Callable, Mapping
from copy import deepcopy
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from local.plan import ACCOUNT, REGION
from local.rehearsal.emulator.template import TemplateError, Values, in_order
from local.rehearsal.emulator.types.base import Context, Made, ResourceType

KEPT: Final = ("Retain", "RetainExceptOnCreate")


@dataclass
class Resource:
    """One resource as it was last made."""

    type: str
    properties: dict[str, Any]
    made: Made
    keep_on_delete: bool
    keep_on_replace: bool
    updated: datetime = field(default_factory=lambda: datetime.now(UTC))


@dataclass(frozen=True)
class Event:
    """One line of a stack's history."""

    logical_id: str
    physical_id: str
    type: str
    status: str
    reason: str = ""
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    time: datetime = field(default_factory=lambda: datetime.now(UTC))


class ExportInUse(TemplateError):
    """An export cannot be changed or removed while another stack imports it."""


class Stack:
    """One stack. Operations run to their end before they return."""

    def __init__(self, name: str, types: Callable[[str], ResourceType], exports: "Exports") -> None:
        self.name = name
        self.id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:stack/{name}/{uuid.uuid4()}"
        self.status = "REVIEW_IN_PROGRESS"
        self.reason = ""
        self.created = datetime.now(UTC)
        self.updated: datetime | None = None
        self.protected = False
        self.role = ""
        self.tags: list[dict[str, str]] = []
        self.template: dict[str, Any] = {}
        self.parameters: dict[str, Any] = {}
        self.outputs: dict[str, tuple[str, str | None, str]] = {}  # name -> value, export, description
        self.resources: dict[str, Resource] = {}
        self.retained: list[tuple[str, str, str]] = []  # type, logical and physical id of what deletion left
        self.events: list[Event] = []
        self._types, self._exports = types, exports

    # --- operations ------------------------------------------------------------------------------------------------

    def apply(self, template: dict[str, Any], parameters: Mapping[str, Any]) -> None:
        """Creates or updates; a failure is rolled back, and seen in the status."""
        verb = "UPDATE" if self.template else "CREATE"
        before = (self.template, self.parameters)
        self._say(f"{verb}_IN_PROGRESS", "User Initiated")
        try:
            self._bring_to(template, parameters)
        except Exception as error:
            self.reason = f"{type(error).__name__}: {error}"
            self._say(f"{verb}_ROLLBACK_IN_PROGRESS" if verb == "UPDATE" else "ROLLBACK_IN_PROGRESS", self.reason)
            if verb == "UPDATE":
                self._bring_to(*before)
                self._say("UPDATE_ROLLBACK_COMPLETE")
            else:
                self._remove(list(self.resources))
                self._say("ROLLBACK_COMPLETE")
            return
        self.updated = datetime.now(UTC) if verb == "UPDATE" else None
        self._say(f"{verb}_COMPLETE")

    def delete(self) -> None:
        """Deletes what is not to be retained; TemplateError where it is protected or used."""
        if self.protected:
            raise TemplateError(f"Stack [{self.name}] cannot be deleted while TerminationProtection is enabled")
        self._exports.check_unused(self, [export for _, export, _ in self.outputs.values() if export])
        self._say("DELETE_IN_PROGRESS", "User Initiated")
        self._remove(in_order(self.template["Resources"]) if self.template else [])
        self._exports.forget(self)
        self._say("DELETE_COMPLETE")

    # --- one way ---------------------------------------------------------------------------------------------------

    def _bring_to(self, template: dict[str, Any], parameters: Mapping[str, Any]) -> None:
        wanted = {name: default.get("Default") for name, default in template.get("Parameters", {}).items()}
        self.parameters = {**wanted, **{name: parameters[name] for name in wanted if name in parameters}}
        self.template = template
        values = self._values(template)
        declared = {name: item for name, item in template["Resources"].items() if values.is_wanted(item)}
        replaced: list[tuple[str, Resource]] = []
        for name in in_order(declared):
            self._make(name, declared[name], values, replaced)
        self._publish(template, values)
        for name, resource in reversed(replaced):
            if not resource.keep_on_replace:
                self._delete(name, resource)
        self._remove([name for name in self.resources if name not in declared])

    def _make(self, name: str, item: dict[str, Any], values: Values, replaced: list[tuple[str, Resource]]) -> None:
        properties = values.resolve(deepcopy(item.get("Properties", {})))
        kind, before = self._types(item["Type"]), self.resources.get(name)
        context = Context(self.name, self.id, name, item["Type"])
        if before and before.properties == properties:
            self._note(before, item)
            return
        try:
            if before is None:
                verb, made = "CREATE", kind.create(context, properties)
            elif kind.is_replaced(before.properties, properties):
                verb, made = "UPDATE", kind.create(context, properties)
                if made.id != before.made.id:
                    replaced.append((name, before))
            else:
                verb, made = "UPDATE", kind.update(context, before.made, before.properties, properties)
        except Exception as error:
            failed = before.made.id if before else ""
            self.events.append(Event(name, failed, item["Type"], "CREATE_FAILED", f"{type(error).__name__}: {error}"))
            raise TemplateError(f"{name} ({item['Type']}): {type(error).__name__}: {error}") from error
        self.resources[name] = Resource(item["Type"], properties, made, False, False)
        self._note(self.resources[name], item)
        self.events.append(Event(name, made.id, item["Type"], f"{verb}_COMPLETE"))

    def _note(self, resource: Resource, item: Mapping[str, Any]) -> None:
        resource.keep_on_delete = item.get("DeletionPolicy") in KEPT
        resource.keep_on_replace = item.get("UpdateReplacePolicy") in KEPT

    def _publish(self, template: Mapping[str, Any], values: Values) -> None:
        outputs = {
            name: (
                str(values.resolve(item["Value"])),
                values.resolve(item["Export"]["Name"]) if "Export" in item else None,
                item.get("Description", ""),
            )
            for name, item in template.get("Outputs", {}).items()
            if values.is_wanted(item)
        }
        exported = {export: value for value, export, _ in outputs.values() if export}
        old = {export: value for value, export, _ in self.outputs.values() if export}
        self._exports.check_unused(self, [name for name in old if exported.get(name) != old[name]])
        self.outputs = outputs
        self._exports.put(self, exported, template)

    def _remove(self, names: list[str]) -> None:
        for name in reversed(names):
            resource = self.resources.pop(name, None)
            if resource and resource.keep_on_delete and self.status != "ROLLBACK_IN_PROGRESS":
                self.retained.append((resource.type, name, resource.made.id))
                self.events.append(Event(name, resource.made.id, resource.type, "DELETE_SKIPPED"))
            elif resource:
                self._delete(name, resource)

    def _delete(self, name: str, resource: Resource) -> None:
        context = Context(self.name, self.id, name, resource.type)
        self._types(resource.type).delete(context, resource.made, resource.properties)
        self.events.append(Event(name, resource.made.id, resource.type, "DELETE_COMPLETE"))

    # --- values ----------------------------------------------------------------------------------------------------

    def _values(self, template: Mapping[str, Any]) -> Values:
        return Values(template, self.parameters, self._exports.values, REGION, self._ref, self._attribute)

    def _ref(self, name: str) -> Any:
        pseudo = {
            "AWS::AccountId": ACCOUNT,
            "AWS::Region": REGION,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::StackId": self.id,
            "AWS::StackName": self.name,
        }
        if name in pseudo:
            return pseudo[name]
        if name not in self.resources:
            raise TemplateError(f"Unresolved resource dependencies [{name}]")
        return self.resources[name].made.id

    def _attribute(self, name: str, attribute: str) -> Any:
        if name not in self.resources:
            raise TemplateError(f"Unresolved resource dependencies [{name}]")
        resource = self.resources[name]
        if attribute not in resource.made.attributes:
            raise TemplateError(f"{resource.type} has no attribute {attribute} in the emulator")
        return resource.made.attributes[attribute]

    def _say(self, status: str, reason: str = "") -> None:
        self.status = status
        self.events.append(Event(self.name, self.id, "AWS::CloudFormation::Stack", status, reason))


class Exports:
    """What stacks export to each other in the account."""

    def __init__(self) -> None:
        self.values: dict[str, str] = {}
        self._of: dict[str, set[str]] = {}  # stack -> its exports
        self._imports: dict[str, set[str]] = {}  # stack -> what it imports

    def put(self, stack: Stack, exported: Mapping[str, str], template: Mapping[str, Any]) -> None:
        for gone in self._of.get(stack.name, set()) - exported.keys():
            del self.values[gone]
        self.values.update(exported)
        self._of[stack.name] = set(exported)
        self._imports[stack.name] = {name for name in _imported(template) if name in self.values}

    def forget(self, stack: Stack) -> None:
        for name in self._of.pop(stack.name, set()):
            del self.values[name]
        self._imports.pop(stack.name, None)

    def check_unused(self, stack: Stack, names: list[str]) -> None:
        for name in names:
            users = [user for user, imports in self._imports.items() if name in imports and user != stack.name]
            if users:
                raise ExportInUse(f"Export {name} cannot be deleted as it is in use by {', '.join(users)}")


def _imported(node: Any) -> set[str]:
    if isinstance(node, list):
        return {name for item in node for name in _imported(item)}
    if isinstance(node, dict):
        found = {node["Fn::ImportValue"]} if isinstance(node.get("Fn::ImportValue"), str) else set()
        return found | {name for value in node.values() for name in _imported(value)}
    return set()
