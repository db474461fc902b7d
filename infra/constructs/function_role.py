"""The role of a Lambda function: its log group and its grants."""

from collections.abc import Sequence

from aws_cdk import Aws
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.acknowledge import acknowledge_wildcards, resources_of

_NETWORK_INTERFACES = (
    "ec2:CreateNetworkInterface",
    "ec2:DescribeNetworkInterfaces",
    "ec2:DescribeSubnets",
    "ec2:DeleteNetworkInterface",
    "ec2:AssignPrivateIpAddresses",
    "ec2:UnassignPrivateIpAddresses",
)


def function_role(
    scope: Construct, name: str, permissions: Sequence[iam.PolicyStatement], *, inside: bool = False
) -> iam.Role:
    """`name` is the function's; `inside` the VPC, Lambda makes network interfaces with the function's own role."""
    role = iam.Role(scope, "Role", assumed_by=iam.ServicePrincipal("lambda.amazonaws.com"), description=name)
    streams = f"arn:{Aws.PARTITION}:logs:{Aws.REGION}:{Aws.ACCOUNT_ID}:log-group:/aws/lambda/{name}:log-stream:*"
    statements = [
        iam.PolicyStatement(actions=["logs:CreateLogStream", "logs:PutLogEvents"], resources=[streams]),
        *permissions,
    ]
    if inside:
        statements.append(iam.PolicyStatement(actions=list(_NETWORK_INTERFACES), resources=["*"]))
    for statement in statements:
        role.add_to_policy(statement)
    acknowledge_wildcards(role, [*resources_of(statements), "*"])  # `*`: added by CDK for tracing
    return role
