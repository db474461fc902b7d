"""The function that reads the event queue in batches, so that statuses never delay a conversation."""

from typing import Final

from aws_cdk import Duration
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_

from infra.constructs.acknowledge import acknowledge
from infra.constructs.bot_function import BotFunction
from infra.constructs.queues import EventQueue

BATCH: Final = 50
WAIT: Final = Duration.seconds(5)
CONCURRENT_BATCHES: Final = 2  # the least that Lambda accepts


def read_events(events: EventQueue, function: BotFunction) -> lambda_.EventSourceMapping:
    """Calls the function with batches; of a batch, only the failed messages are delivered again."""
    role = function.function.role
    assert role is not None
    role.add_to_principal_policy(
        iam.PolicyStatement(
            actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
            resources=[events.queue.queue_arn],
        )
    )
    mapping = lambda_.EventSourceMapping(
        function,
        "Events",
        target=function.alias,
        event_source_arn=events.queue.queue_arn,
        batch_size=BATCH,
        max_batching_window=WAIT,
        max_concurrency=CONCURRENT_BATCHES,
        report_batch_item_failures=True,
    )
    mapping.node.add_dependency(role)
    acknowledge(
        mapping,
        {"Serverless-LambdaEventSourceMappingDestination": "For SQS that is the queue's own dead letters."},
    )
    return mapping
