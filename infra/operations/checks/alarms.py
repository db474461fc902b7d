"""Which alarms are on, and whether somebody gets them."""

from collections.abc import Iterator
from typing import Final

from infra.operations.environment import Environment
from infra.operations.findings import Finding

PENDING: Final = "PendingConfirmation"  # in the place of a subscription's ARN


def check_alarms(environment: Environment) -> Iterator[Finding]:
    pages = environment.client("cloudwatch").get_paginator("describe_alarms")
    quiet = 0
    for page in pages.paginate(AlarmNamePrefix=environment.prefix):
        for alarm in page["MetricAlarms"]:
            if alarm["StateValue"] != "ALARM":
                quiet += 1
                continue
            label = alarm["AlarmName"].removeprefix(environment.prefix)
            text = f"is on: {alarm.get('AlarmDescription', '')}"
            yield Finding(f"alarm {label}", text, f"docs/operations.md, alarm {label}")
    yield Finding("alarms", f"{quiet} are quiet" if quiet else "there are none", "" if quiet else _deploy(environment))


def check_subscriptions(environment: Environment) -> Iterator[Finding]:
    client = environment.client("sns")
    for resource in environment.resources("AWS::SNS::Topic"):
        found = client.list_subscriptions_by_topic(TopicArn=resource.physical_id)["Subscriptions"]
        pending = [item["Endpoint"] for item in found if item["SubscriptionArn"] == PENDING]
        if not found:
            todo = f"set alarm_email in cdk.json, then: {_deploy(environment)}"
            yield Finding("alarm e-mail", "nobody gets the alarms", todo)
        elif pending:
            yield Finding("alarm e-mail", "not confirmed", "open the link in AWS's e-mail, or deploy again for another")
        else:
            yield Finding("alarm e-mail", f"{len(found)} confirmed")


def _deploy(environment: Environment) -> str:
    return f"make deploy ENV={environment.name}"
