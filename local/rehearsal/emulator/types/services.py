"""Queues, topics, pipes, schedules, the HTTP API, state machines, alarms."""

import json
import secrets
from typing import Any

from local.plan import REGION
from local.rehearsal.emulator import registry
from local.rehearsal.emulator.types.base import Context, Made, Properties, ResourceType, arn, client, lower_first
from local.rehearsal.emulator.types.network import Fixed

_QUEUE_ATTRIBUTES = (
    "ContentBasedDeduplication",
    "DeduplicationScope",
    "DelaySeconds",
    "FifoQueue",
    "FifoThroughputLimit",
    "MessageRetentionPeriod",
    "ReceiveMessageWaitTimeSeconds",
    "RedrivePolicy",
    "SqsManagedSseEnabled",
    "VisibilityTimeout",
)


class Queue(ResourceType):
    replaced_by = ("QueueName", "FifoQueue")

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("QueueName") or context.name(75)
        url = client("sqs").create_queue(QueueName=name, Attributes=_attributes(properties))["QueueUrl"]
        return Made(url, {"Arn": arn("sqs", name), "QueueName": name, "QueueUrl": url})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        changed = {name: value for name, value in _attributes(properties).items() if name != "FifoQueue"}
        client("sqs").set_queue_attributes(QueueUrl=made.id, Attributes=changed)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("sqs").delete_queue(QueueUrl=made.id)


def _attributes(properties: Properties) -> dict[str, str]:
    given = {name: properties[name] for name in _QUEUE_ATTRIBUTES if name in properties}
    return {name: _text(value) for name, value in given.items() if not (name == "FifoQueue" and not value)}


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    return json.dumps(value) if isinstance(value, dict) else str(value)


class QueuePolicy(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        for url in properties["Queues"]:
            policy = json.dumps(properties["PolicyDocument"])
            client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
        return Made(context.logical_id, {"Id": context.logical_id})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        for url in properties["Queues"]:
            client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})


class Topic(Fixed):
    replaced_by = ("TopicName",)

    def create(self, context: Context, properties: Properties) -> Made:
        found = client("sns").create_topic(Name=properties.get("TopicName") or context.name())["TopicArn"]
        return Made(found, {"TopicArn": found, "TopicName": found.rpartition(":")[2]})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("sns").delete_topic(TopicArn=made.id)


class TopicPolicy(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        for topic in properties["Topics"]:
            policy = json.dumps(properties["PolicyDocument"])
            client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
        return Made(context.logical_id, {"Id": context.logical_id})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        """Gone with its topics."""


class Subscription(Fixed):
    replaced_by = ("TopicArn", "Protocol", "Endpoint")

    def create(self, context: Context, properties: Properties) -> Made:
        found = client("sns").subscribe(
            TopicArn=properties["TopicArn"], Protocol=properties["Protocol"], Endpoint=properties["Endpoint"]
        )
        return Made(found["SubscriptionArn"])

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("sns").unsubscribe(SubscriptionArn=made.id)


class Pipe(ResourceType):
    replaced_by = ("Name", "Source")

    def create(self, context: Context, properties: Properties) -> Made:
        given = {name: value for name, value in properties.items() if name not in ("LogConfiguration", "Tags")}
        client("pipes").create_pipe(**given)
        return Made(properties["Name"], {"Arn": arn("pipes", f"pipe/{properties['Name']}")})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        changed = ("Target", "RoleArn", "TargetParameters", "Description", "DesiredState")
        client("pipes").update_pipe(Name=made.id, **{name: properties[name] for name in changed if name in properties})
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("pipes").delete_pipe(Name=made.id)


class Schedule(ResourceType):
    replaced_by = ("Name",)

    def create(self, context: Context, properties: Properties) -> Made:
        client("scheduler").create_schedule(**properties)
        return Made(properties["Name"], {"Arn": arn("scheduler", f"schedule/default/{properties['Name']}")})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        client("scheduler").update_schedule(**properties)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("scheduler").delete_schedule(Name=made.id)


class EventRule(ResourceType):
    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("Name") or context.name(64)
        given = {key: properties[key] for key in ("ScheduleExpression", "State", "Description") if key in properties}
        if "EventPattern" in properties:
            given["EventPattern"] = json.dumps(properties["EventPattern"])
        client("events").put_rule(Name=name, **given)
        return Made(name, {"Arn": arn("events", f"rule/{name}")})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("events").delete_rule(Name=made.id, Force=True)


class HttpApiPart(ResourceType):
    """A part of an HTTP API of API Gateway: the API itself, a stage, an integration, a route.

    They are kept in the registry: moto's API Gateway needs packages of its own.
    """

    replaced_by = ("ApiId",)

    def __init__(self, part: str) -> None:
        self._part = part

    def create(self, context: Context, properties: Properties) -> Made:
        id = properties.get("StageName") or secrets.token_hex(5)
        self._parts()[id] = dict(properties)
        return Made(id, {"ApiId": id, "ApiEndpoint": f"https://{id}.execute-api.{REGION}.amazonaws.com"})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        self._parts()[made.id] = dict(properties)
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        self._parts().pop(made.id, None)

    def _parts(self) -> dict[str, dict[str, Any]]:
        return registry.account().http_api.setdefault(self._part, {})


class Alarm(ResourceType):
    replaced_by = ("AlarmName",)

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("AlarmName") or context.name()
        given = {key: value for key, value in properties.items() if key not in ("AlarmName", "Tags")}
        given["Threshold"] = float(given["Threshold"])
        client("cloudwatch").put_metric_alarm(AlarmName=name, **given)
        return Made(name, {"Arn": arn("cloudwatch", f"alarm:{name}")})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        return self.create(context, {**properties, "AlarmName": made.id})

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("cloudwatch").delete_alarms(AlarmNames=[made.id])


class Dashboard(ResourceType):
    replaced_by = ("DashboardName",)

    def create(self, context: Context, properties: Properties) -> Made:
        name = properties.get("DashboardName") or context.name()
        client("cloudwatch").put_dashboard(DashboardName=name, DashboardBody=properties["DashboardBody"])
        return Made(name)

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("cloudwatch").delete_dashboards(DashboardNames=[made.id])


class StateMachine(ResourceType):
    replaced_by = ("StateMachineName", "StateMachineType")

    def create(self, context: Context, properties: Properties) -> Made:
        found = client("stepfunctions").create_state_machine(
            name=properties.get("StateMachineName") or context.name(80),
            definition=_definition(properties),
            roleArn=properties["RoleArn"],
            type=properties.get("StateMachineType", "STANDARD"),
            loggingConfiguration=lower_first(properties.get("LoggingConfiguration", {"Level": "OFF"})),
        )["stateMachineArn"]
        return Made(found, {"Arn": found, "Name": found.rpartition(":")[2]})

    def update(self, context: Context, made: Made, before: Properties, properties: Properties) -> Made:
        client("stepfunctions").update_state_machine(
            stateMachineArn=made.id, definition=_definition(properties), roleArn=properties["RoleArn"]
        )
        return made

    def delete(self, context: Context, made: Made, properties: Properties) -> None:
        client("stepfunctions").delete_state_machine(stateMachineArn=made.id)


def _definition(properties: Properties) -> str:
    text = properties.get("DefinitionString") or json.dumps(properties["Definition"])
    for name, value in properties.get("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{name}}}", str(value))
    return str(text)
