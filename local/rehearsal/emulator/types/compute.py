"""Lambda, and resources that a function of ours makes."""

import json
import uuid
from typing import Any, Final

from local.rehearsal.emulator import registry
from local.rehearsal.emulator.types.base import Context, Made, Properties, ResourceType, client

_CONFIGURATION: Final = (
    *("Description", "Environment", "Handler", "KMSKeyArn", "Layers", "MemorySize", "Role", "Runtime", "Timeout"),
    *("TracingConfig", "VpcConfig", "EphemeralStorage"),
)


class Function(ResourceType):
    replaced_by = ("FunctionName",)

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("FunctionName") or context.name(64)
        found = client("lambda").create_function(
            FunctionName=name,
            Code=_code(properties["Code"]),
            Architectures=properties.get("Architectures", ["x86_64"]),
            **_configuration(properties),
        )
        self._reserve(name, properties)
        return Made(name, {"Arn": found["FunctionArn"]})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        client("lambda").update_function_configuration(FunctionName=made.id, **_configuration(properties))
        client("lambda").update_function_code(FunctionName=made.id, **_code(properties["Code"]))
        self._reserve(made.id, properties)
        return made

    def _reserve(self, name: str, properties: Properties) -> None:
        if (reserved := properties.get("ReservedConcurrentExecutions")) is not None:
            client("lambda").put_function_concurrency(FunctionName=name, ReservedConcurrentExecutions=int(reserved))

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("lambda").delete_function(FunctionName=made.id)


def _configuration(properties: Properties) -> dict[str, Any]:
    given = {name: properties[name] for name in _CONFIGURATION if name in properties}
    if "VpcConfig" in given:
        wanted = ("SubnetIds", "SecurityGroupIds")
        given["VpcConfig"] = {name: given["VpcConfig"][name] for name in wanted}
    return given


def _code(code: Properties) -> dict[str, str]:
    return {name: code[name] for name in ("S3Bucket", "S3Key")}


class Version(ResourceType):
    """Never changed: CDK declares another one for every change of its function."""

    replaced_by = ("FunctionName",)

    def create(self, context: Context, properties: Properties) -> Made:
        found = client("lambda").publish_version(FunctionName=properties["FunctionName"])
        return Made(found["FunctionArn"], {"Version": found["Version"], "FunctionArn": found["FunctionArn"]})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        name, version = made.id.split(":")[-2:]
        client("lambda").delete_function(FunctionName=name, Qualifier=version)


class Alias(ResourceType):
    replaced_by = ("FunctionName", "Name")

    def create(self, context: Context, properties: Properties) -> Made:
        name, function = properties["Name"], properties["FunctionName"]
        found = client("lambda").create_alias(
            FunctionName=function, Name=name, FunctionVersion=properties["FunctionVersion"]
        )
        return Made(found["AliasArn"], {"AliasArn": found["AliasArn"]})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        client("lambda").update_alias(
            FunctionName=properties["FunctionName"],
            Name=properties["Name"],
            FunctionVersion=properties["FunctionVersion"],
        )
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("lambda").delete_alias(FunctionName=properties["FunctionName"], Name=properties["Name"])


class Layer(ResourceType):
    replaced_by = ("Content", "LayerName", "CompatibleRuntimes")

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("LayerName") or context.logical_id
        found = client("lambda").publish_layer_version(LayerName=name, Content=dict(properties["Content"]))
        return Made(found["LayerVersionArn"])

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        """Kept while functions use it; nothing here counts them."""


class Permission(ResourceType):
    """Who may call a function; the HTTP API is held to it."""

    replaced_by = ("FunctionName", "Principal", "SourceArn", "Action")

    def create(self, context: Context, properties: Properties) -> Made:
        id = f"{context.logical_id}-{uuid.uuid4().hex[:8]}"
        registry.account().permissions[id] = dict(properties)
        return Made(id, {"Id": id})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        registry.account().permissions.pop(made.id, None)


class EventSourceMapping(ResourceType):
    replaced_by = ("EventSourceArn",)

    def create(self, context: Context, properties: Properties) -> Made:
        id = str(uuid.uuid4())
        registry.account().event_sources[id] = dict(properties)
        return Made(id, {"Id": id})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        registry.account().event_sources[made.id] = dict(properties)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        registry.account().event_sources.pop(made.id, None)


class CustomResourceFailed(Exception):
    """The function of a custom resource reported a failure; the text is its reason."""


class Custom(ResourceType):
    """A custom resource: its function is called, and answers at the address that it is given."""

    def create(self, context: Context, properties: Properties) -> Made:
        return self._call("Create", context, properties)

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return self._call("Update", context, properties, made, OldResourceProperties=before)

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        self._call("Delete", context, properties, made)

    def _call(self, kind: str, context: Context, properties: Properties, made: Made | None = None, **more: Any) -> Made:
        request, account = str(uuid.uuid4()), registry.account()
        event = {
            "RequestType": kind,
            "ResponseURL": f"https://{registry.RESPONSES_HOST}/{request}",
            "StackId": context.stack_id,
            "RequestId": request,
            "LogicalResourceId": context.logical_id,
            "ResourceType": context.type,
            "ResourceProperties": dict(properties),
            **({"PhysicalResourceId": made.id} if made else {}),
            **more,
        }
        result = account.invoke(properties["ServiceToken"], json.dumps(event).encode())
        answer = account.responses.pop(request, None)
        if answer is None:
            raise CustomResourceFailed(f"it did not answer, but returned {result[:300]!r}")
        if answer["Status"] != "SUCCESS":
            raise CustomResourceFailed(answer.get("Reason") or "it gave no reason")
        return Made(answer["PhysicalResourceId"], answer.get("Data") or {})
