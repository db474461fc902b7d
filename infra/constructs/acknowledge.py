"""Accepted findings of cdk-nag, each with its reason."""

from collections.abc import Iterable, Mapping
from typing import Final

from aws_cdk import Acknowledgment, Aws, Validations
from aws_cdk import aws_iam as iam
from constructs import Construct

# Allowed wildcard endings of a statement's resource -> the reason. Any other ending is an error.
WILDCARDS: Final = {
    ":log-stream:*": "Streams of the function's own log group; Lambda makes up their names.",
    "/passes/*": "Passes are named by their numbers.",
    "/inspection/*": "Webhook bodies are named by their day and digest.",
    ":*": "Versions of one function: a role that named them would lose those of executions that still run.",
    "*": "X-Ray, log delivery and the list of alarms know no resources. "
    "Lambda asks for the network interfaces of a function before they "
    "have names, and from inside the network there is no way to EC2.",
}


def acknowledge(construct: Construct, reasons: Mapping[str, str]) -> None:
    """Rule -> why it is not followed by this construct and what is inside it."""
    Validations.of(construct).acknowledge(*(Acknowledgment(id=id, reason=why) for id, why in reasons.items()))


def acknowledge_wildcards(role: Construct, resources: Iterable[str]) -> None:
    """Each resource of a role's statements that ends in a wildcard; KeyError where no reason is written."""
    for resource in resources:
        if resource.endswith("*"):
            endings = (ending for ending in WILDCARDS if resource.endswith(ending) and ending != "*")
            ending = next(endings, resource)
            acknowledge(role, {f"AwsSolutions-IAM5[Resource::{readable(resource)}]": WILDCARDS[ending]})


def resources_of(statements: Iterable[iam.PolicyStatement]) -> list[str]:
    return [resource for statement in statements for resource in statement.resources]


def readable(arn: str) -> str:
    """The ARN as cdk-nag writes it."""
    parts = {Aws.PARTITION: "Partition", Aws.REGION: "Region", Aws.ACCOUNT_ID: "AccountId"}
    for token, name in parts.items():
        arn = arn.replace(token, f"<AWS::{name}>")
    return arn
