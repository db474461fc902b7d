"""The queue of messages, in order for each sender, and the queue of events; each with its dead letters."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.catalog import FUNCTIONS, QUEUE_VISIBILITY_SECONDS, Trigger
from infra.constructs.acknowledge import acknowledge
from infra.settings import Settings

TRIES: Final = 5  # of a message; with the visibility that is half an hour, then it waits for a redrive
EVENT_TRIES: Final = 10
EVENT_VISIBILITY_SECONDS: Final = 6 * max(item.timeout for item in FUNCTIONS if item.trigger is Trigger.QUEUE)


class MessageQueues(Construct):
    """Messages wait here while WhatsApp is down, and in the dead letters when it is down for long."""

    def __init__(self, scope: Construct, id: str, settings: Settings) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self.dead_messages = self._fifo("DeadMessages", "messages-dead", Duration.days(14), None)
        self.messages = self._fifo("Messages", "messages", Duration.days(4), self.dead_messages)
        self.dead_events = self._standard("DeadEvents", "events-dead", Duration.days(14), None)
        self.events = self._standard("Events", "events", Duration.days(4), self.dead_events)
        for dead in (self.dead_messages, self.dead_events):
            acknowledge(dead, {"Serverless-SQSRedrivePolicy": "These are the dead letters."})

    def _fifo(self, id: str, name: str, kept: Duration, dead: sqs.Queue | None) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            queue_name=f"{self._settings.name(name)}.fifo",
            fifo=True,
            content_based_deduplication=False,  # the message id of WhatsApp does that
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            visibility_timeout=Duration.seconds(QUEUE_VISIBILITY_SECONDS),
            retention_period=kept,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=TRIES) if dead else None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _standard(self, id: str, name: str, kept: Duration, dead: sqs.Queue | None) -> sqs.Queue:
        return sqs.Queue(
            self,
            id,
            queue_name=self._settings.name(name),
            visibility_timeout=Duration.seconds(EVENT_VISIBILITY_SECONDS),
            retention_period=kept,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=EVENT_TRIES) if dead else None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
