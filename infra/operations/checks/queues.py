"""What waits in the queues, what was given up, and whether the pipes take it."""

from collections.abc import Iterator
from typing import Final

from infra.operations.environment import Environment
from infra.operations.findings import Finding

MANY: Final = 50  # messages: a burst of a school is gone within seconds
COUNTS: Final = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")


def check_queues(environment: Environment) -> Iterator[Finding]:
    client = environment.client("sqs")
    for resource in environment.resources("AWS::SQS::Queue"):
        found = client.get_queue_attributes(QueueUrl=resource.physical_id, AttributeNames=[*COUNTS, "QueueArn"])
        waiting, in_flight = (int(found["Attributes"][name]) for name in COUNTS)
        arn = found["Attributes"]["QueueArn"]
        name = resource.physical_id.rpartition("/")[2]
        text, todo = f"{waiting} waiting, {in_flight} being processed", ""
        if name.removesuffix(".fifo").endswith("-dead"):
            text = f"{waiting} given up"
            todo = f"find the cause, then: aws sqs start-message-move-task --source-arn {arn}" if waiting else ""
        elif waiting >= MANY:
            todo = "look at the pipe below and at the executions: docs/operations.md, alarm <queue>-delayed"
        yield Finding(f"queue {name}", text, todo)


def check_pipes(environment: Environment) -> Iterator[Finding]:
    client = environment.client("pipes")
    for resource in environment.resources("AWS::Pipes::Pipe"):
        found = client.describe_pipe(Name=resource.physical_id)
        state = found["CurrentState"]
        start = f"aws pipes start-pipe --name {resource.physical_id}"
        text = f"{state} {found.get('StateReason', '')}".strip()
        yield Finding(f"pipe {resource.physical_id}", text, "" if state == "RUNNING" else start)
