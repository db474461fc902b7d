"""SQS queues, each with a dead-letter queue of the same kind."""

from typing import Any, Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_cloudwatch as cloudwatch
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.catalog import EVENT_RECEIVES, MESSAGE_RECEIVES, Function, Machine
from infra.constructs.acknowledge import acknowledge
from infra.settings import Settings

RETENTION: Final = Duration.days(4)
DEAD_LETTER_RETENTION: Final = Duration.days(14)
MINUTE: Final = Duration.minutes(1)


class QueueWithDeadLetters(Construct):
    """A queue and its dead-letter queue; the metrics are found by name."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        settings: Settings,
        name: str,
        *,
        visibility_seconds: int,
        receives: int,
        suffix: str = "",
        **kind: Any,
    ) -> None:
        """`kind`: further arguments of both queues; `suffix`: the ending that AWS requires of their names."""
        super().__init__(scope, id)
        self.label = name
        self.queue_name = settings.name(name) + suffix
        self.dead_letter_queue_name = settings.name(f"{name}-dead") + suffix
        common: dict[str, Any] = {
            "visibility_timeout": Duration.seconds(visibility_seconds),
            "encryption": sqs.QueueEncryption.SQS_MANAGED,
            "enforce_ssl": True,
            "removal_policy": RemovalPolicy.DESTROY,
            **kind,
        }
        self.dead_letters = sqs.Queue(
            self,
            "DeadLetters",
            queue_name=self.dead_letter_queue_name,
            retention_period=DEAD_LETTER_RETENTION,
            **common,
        )
        self.queue = sqs.Queue(
            self,
            "Queue",
            queue_name=self.queue_name,
            retention_period=RETENTION,
            dead_letter_queue=sqs.DeadLetterQueue(queue=self.dead_letters, max_receive_count=receives),
            **common,
        )
        acknowledge(self.dead_letters, {"Serverless-SQSRedrivePolicy": "This is the dead-letter queue."})

    def waiting(self, label: str) -> cloudwatch.Metric:
        return _metric(self.queue_name, "ApproximateNumberOfMessagesVisible", label)

    def age_of_oldest(self, label: str = "") -> cloudwatch.Metric:
        """In seconds."""
        return _metric(self.queue_name, "ApproximateAgeOfOldestMessage", label)

    def dead_letters_waiting(self, label: str = "") -> cloudwatch.Metric:
        return _metric(self.dead_letter_queue_name, "ApproximateNumberOfMessagesVisible", label)


class MachineQueue(QueueWithDeadLetters):
    """The FIFO queue of a state machine: in order within a message group, groups beside one another."""

    def __init__(self, scope: Construct, id: str, settings: Settings, machine: Machine) -> None:
        assert machine.queue
        super().__init__(
            scope,
            id,
            settings,
            machine.queue,
            visibility_seconds=machine.visibility_seconds,
            receives=MESSAGE_RECEIVES,
            suffix=".fifo",
            fifo=True,
            content_based_deduplication=False,  # the sender gives an id, for instance WhatsApp's message id
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
        )
        self.machine = machine


class EventQueue(QueueWithDeadLetters):
    """The standard queue of delivery statuses and other notices, read in batches by one function."""

    def __init__(self, scope: Construct, id: str, settings: Settings, reader: Function) -> None:
        # AWS asks for a visibility timeout of six times the function's timeout.
        super().__init__(scope, id, settings, "events", visibility_seconds=6 * reader.timeout, receives=EVENT_RECEIVES)


def _metric(queue_name: str, name: str, label: str) -> cloudwatch.Metric:
    return cloudwatch.Metric(
        namespace="AWS/SQS",
        metric_name=name,
        dimensions_map={"QueueName": queue_name},
        statistic="Maximum",
        period=MINUTE,
        label=label or None,
    )
