"""The queue of statuses and notices, read in batches beside the conversations and never before them."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from aws_cdk import aws_sqs as sqs

from infra.constructs.acknowledge import acknowledge
from infra.constructs.bot_function import BotFunction

BATCH: Final = 50
WAIT: Final = Duration.seconds(5)
AT_ONCE: Final = 2  # so many batches; the least that Lambda accepts


def read_events(events: sqs.Queue, function: BotFunction) -> lambda_.EventSourceMapping:
    """Calls the function with batches; of a batch, only what failed comes again."""
    role = function.function.role
    assert role is not None
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            resources=[events.queue_arn],
        )
    )
    mapping = lambda_.EventSourceMapping(
        function,
        "Events",
        target=function.alias,
        event_source_arn=events.queue_arn,
        batch_size=BATCH,
        max_batching_window=WAIT,
        max_concurrency=AT_ONCE,
        report_batch_item_failures=True,
    )
    mapping.node.add_dependency(role)
    acknowledge(
        mapping,
        {"Serverless-LambdaEventSourceMappingDestination": "For SQS that is the queue's own dead letters."},
    )
    return mapping
