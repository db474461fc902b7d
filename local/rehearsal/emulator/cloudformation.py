"""CloudFormation's API (2010-05-15), as far as the CDK CLI and the operators' tools use it."""

import json
import uuid
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

import yaml  # type: ignore[import-untyped]
from werkzeug.wrappers import Request, Response

from local.plan import ACCOUNT, REGION
from local.rehearsal.emulator.stack import Event, Exports, Stack
from local.rehearsal.emulator.template import TemplateError
from local.rehearsal.emulator.types import type_of
from local.rehearsal.emulator.types.base import client

NAMESPACE: Final = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
NO_CHANGES: Final = (
    "The submitted information didn't contain changes. Submit different information to create a change set."
)


class Refused(Exception):
    """An error in AWS's form: code and message."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


class ChangeSet:
    """A template that was submitted for a stack, and not yet executed."""

    def __init__(
        self, name: str, stack: Stack, template: dict[str, Any], parameters: dict[str, str], kind: str
    ) -> None:
        self.id = f"arn:aws:cloudformation:{REGION}:{ACCOUNT}:changeSet/{name}/{uuid.uuid4()}"
        self.name, self.stack, self.template, self.parameters = name, stack, template, parameters
        self.kind = kind
        self.is_empty = (
            kind == "UPDATE" and template == stack.template and not parameters.items() - stack.parameters.items()
        )
        self.executed = False


class CloudFormation:
    """All stacks of the account."""

    def __init__(self, after: Callable[[], None]) -> None:
        """`after` is called when the stacks have changed."""
        self.stacks: dict[str, Stack] = {}
        self.deleted: list[Stack] = []
        self._exports = Exports()
        self._change_sets: dict[str, ChangeSet] = {}
        self._after = after

    # --- requests --------------------------------------------------------------------------------------------------

    def handle(self, request: Request) -> Response:
        given = {
            key: values[0] for key, values in parse_qs(request.get_data(as_text=True), keep_blank_values=True).items()
        }
        action = given.get("Action", "")
        operation = getattr(self, f"_{action}", None)
        try:
            if operation is None:
                raise Refused("InvalidAction", f"The emulator does not know {action}")
            result = operation(given)
        except Refused as error:
            return _error(error.code, str(error))
        except TemplateError as error:
            return _error("ValidationError", str(error))
        body = f"<{action}Result>{_xml(result or {})}</{action}Result>"
        return _page(f"{action}Response", body)

    # --- stacks ----------------------------------------------------------------------------------------------------

    def _DescribeStacks(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        names = [given["StackName"]] if "StackName" in given else list(self.stacks)
        return {"Stacks": [_described(self._stack(name)) for name in names]}

    def _ListStacks(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        return {"StackSummaries": [_described(stack) for stack in self.stacks.values()]}

    def _DescribeStackEvents(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        stack = self._stack(given["StackName"])
        return {"StackEvents": [_event(stack, event) for event in reversed(stack.events)]}

    def _DescribeEvents(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        return {"OperationEvents": []}

    def _GetTemplate(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        return {"TemplateBody": json.dumps(self._stack(given["StackName"]).template)}

    def _GetTemplateSummary(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        return {"ResourceTypes": []}

    def _ListStackResources(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        stack = self._stack(given["StackName"])
        return {
            "StackResourceSummaries": [
                {
                    "LogicalResourceId": name,
                    "PhysicalResourceId": resource.made.id,
                    "ResourceType": resource.type,
                    "ResourceStatus": "CREATE_COMPLETE",
                    "LastUpdatedTimestamp": resource.updated,
                }
                for name, resource in stack.resources.items()
            ]
        }

    def _DescribeStackResources(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        listed = self._ListStackResources(given)["StackResourceSummaries"]
        return {"StackResources": [item | {"Timestamp": item["LastUpdatedTimestamp"]} for item in listed]}

    def _ListExports(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        return {"Exports": [{"Name": name, "Value": value} for name, value in self._exports.values.items()]}

    def _UpdateTerminationProtection(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        stack = self._stack(given["StackName"])
        stack.protected = given["EnableTerminationProtection"] == "true"
        return {"StackId": stack.id}

    def _DeleteStack(self, given: Mapping[str, str]) -> None:  # noqa: N802
        stack = self.stacks.get(given["StackName"].split("/")[-2] if ":" in given["StackName"] else given["StackName"])
        if stack is None:
            return
        stack.delete()
        del self.stacks[stack.name]
        self.deleted.append(stack)
        self._after()

    # --- change sets -----------------------------------------------------------------------------------------------

    def _CreateChangeSet(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        name, kind = given["StackName"], given.get("ChangeSetType", "UPDATE")
        template = _template(given)
        for item in template["Resources"].values():
            type_of(item["Type"])
        if name not in self.stacks:
            if kind == "UPDATE":
                raise Refused("ValidationError", f"Stack [{name}] does not exist")
            self.stacks[name] = Stack(name, type_of, self._exports)
        stack = self.stacks[name]
        stack.tags = _members(given, "Tags")
        stack.role = given.get("RoleARN", "")
        previous = stack.parameters
        parameters = {
            item["ParameterKey"]: item.get("ParameterValue", previous.get(item["ParameterKey"], ""))
            for item in _members(given, "Parameters")
        }
        made = ChangeSet(given["ChangeSetName"], stack, template, parameters, kind)
        self._change_sets[made.id] = made
        return {"Id": made.id, "StackId": stack.id}

    def _DescribeChangeSet(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        found = self._change_set(given)
        return {
            "ChangeSetName": found.name,
            "ChangeSetId": found.id,
            "StackId": found.stack.id,
            "StackName": found.stack.name,
            "CreationTime": datetime.now(UTC),
            "Status": "FAILED" if found.is_empty else "CREATE_COMPLETE",
            "ExecutionStatus": "UNAVAILABLE" if found.is_empty else "AVAILABLE",
            "StatusReason": NO_CHANGES if found.is_empty else "",
            "Changes": []
            if found.is_empty
            else [_change(name, item) for name, item in found.template["Resources"].items()],
        }

    def _ExecuteChangeSet(self, given: Mapping[str, str]) -> None:  # noqa: N802
        found = self._change_set(given)
        found.executed = True
        found.stack.apply(found.template, found.parameters)
        self._after()

    def _DeleteChangeSet(self, given: Mapping[str, str]) -> None:  # noqa: N802
        found = self._find(given)
        if found:
            del self._change_sets[found.id]

    def _ListChangeSets(self, given: Mapping[str, str]) -> dict[str, Any]:  # noqa: N802
        return {"Summaries": []}

    def _change_set(self, given: Mapping[str, str]) -> ChangeSet:
        found = self._find(given)
        if found is None:
            raise Refused("ChangeSetNotFound", f"ChangeSet [{given['ChangeSetName']}] does not exist")
        return found

    def _find(self, given: Mapping[str, str]) -> ChangeSet | None:
        wanted = given["ChangeSetName"]
        stack = given.get("StackName")
        return next(
            (
                item
                for item in reversed(self._change_sets.values())
                if wanted in (item.id, item.name) and (not stack or stack in (item.stack.name, item.stack.id))
            ),
            None,
        )

    def _stack(self, name: str) -> Stack:
        for stack in (*self.stacks.values(), *(item for item in self.deleted if item.id == name)):
            if name in (stack.name, stack.id):
                return stack
        raise Refused("ValidationError", f"Stack with id {name} does not exist")


def _template(given: Mapping[str, str]) -> dict[str, Any]:
    if "TemplateBody" in given:
        text = given["TemplateBody"]
    elif "TemplateURL" in given:
        host, path = urlsplit(given["TemplateURL"])[1:3]
        in_path = host.startswith(("s3.", "localhost", "127."))
        bucket, _, key = path.lstrip("/").partition("/") if in_path else (host.split(".s3.")[0], "", path.lstrip("/"))
        text = client("s3").get_object(Bucket=bucket, Key=unquote(key))["Body"].read().decode()
    else:
        raise Refused("ValidationError", "a template is missing")
    if text.lstrip().startswith("{"):
        return dict(json.loads(text))
    return dict(yaml.load(text, Loader=_Loader))  # noqa: S506 - a safe loader with more tags


class _Loader(yaml.SafeLoader):  # type: ignore[misc]
    """YAML with CloudFormation's short forms, such as !Ref."""


def _short_form(loader: Any, suffix: str, node: Any) -> Any:
    name = suffix if suffix in ("Ref", "Condition") else f"Fn::{suffix}"
    if isinstance(node, yaml.ScalarNode):
        value: Any = loader.construct_scalar(node)
        return {name: value.split(".", 1) if suffix == "GetAtt" else value}
    if isinstance(node, yaml.SequenceNode):
        return {name: loader.construct_sequence(node, deep=True)}
    return {name: loader.construct_mapping(node, deep=True)}


_Loader.add_multi_constructor("!", _short_form)
# A date such as the version of a policy stays text.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, expression) for tag, expression in found if tag != "tag:yaml.org,2002:timestamp"]
    for first, found in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def _members(given: Mapping[str, str], name: str) -> list[dict[str, str]]:
    """`Tags.member.1.Key=…` as a list of objects."""
    found: dict[int, dict[str, str]] = {}
    for key, value in given.items():
        parts = key.split(".")
        if parts[:2] == [name, "member"] and len(parts) == 4:
            found.setdefault(int(parts[2]), {})[parts[3]] = value
    return [found[number] for number in sorted(found)]


def _described(stack: Stack) -> dict[str, Any]:
    described = {
        "StackId": stack.id,
        "StackName": stack.name,
        "StackStatus": stack.status,
        "StackStatusReason": stack.reason,
        "CreationTime": stack.created,
        "LastUpdatedTime": stack.updated or stack.created,
        "EnableTerminationProtection": stack.protected,
        "DisableRollback": False,
        "NotificationARNs": [],
        "RoleARN": stack.role,
        "Tags": stack.tags,
        "Parameters": [
            {"ParameterKey": name, "ParameterValue": str(value)} for name, value in stack.parameters.items()
        ],
        "Outputs": [
            {"OutputKey": name, "OutputValue": value, "Description": text} | ({"ExportName": export} if export else {})
            for name, (value, export, text) in stack.outputs.items()
        ],
    }
    return {key: value for key, value in described.items() if value != ""}


def _event(stack: Stack, event: Event) -> dict[str, Any]:
    return {
        "StackId": stack.id,
        "EventId": event.id,
        "StackName": stack.name,
        "LogicalResourceId": event.logical_id,
        "PhysicalResourceId": event.physical_id,
        "ResourceType": event.type,
        "Timestamp": event.time,
        "ResourceStatus": event.status,
        "ResourceStatusReason": event.reason,
    }


def _change(name: str, item: Mapping[str, Any]) -> dict[str, Any]:
    change = {"Action": "Modify", "LogicalResourceId": name, "ResourceType": item["Type"], "Replacement": "False"}
    return {"Type": "Resource", "ResourceChange": change}


def _xml(value: Any) -> str:
    if isinstance(value, dict):
        return "".join(f"<{key}>{_xml(item)}</{key}>" for key, item in value.items())
    if isinstance(value, list):
        return "".join(f"<member>{_xml(item)}</member>" for item in value)
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "Z"
    return escape(str(value))


def _page(element: str, body: str, status: int = 200) -> Response:
    end = f"<ResponseMetadata><RequestId>{uuid.uuid4()}</RequestId></ResponseMetadata>"
    text = f'<{element} xmlns="{NAMESPACE}">{body}{end}</{element}>'
    return Response(text, status=status, content_type="text/xml")


def _error(code: str, message: str) -> Response:
    return _page("ErrorResponse", f"<Error>{_xml({'Type': 'Sender', 'Code': code, 'Message': message})}</Error>", 400)
