"""The queues: one FIFO queue for each state machine that has one, and the queue of events; each with dead letters."""

from typing import Final

from aws_cdk import Duration, RemovalPolicy
from aws_cdk import aws_sqs as sqs
from constructs import Construct

from infra.catalog import FUNCTIONS, MACHINES, Machine, Trigger
from infra.constructs.acknowledge import acknowledge
from infra.settings import Settings

TRIES: Final = 5  # of a message; then it waits for a redrive
EVENT_TRIES: Final = 10
EVENT_VISIBILITY_SECONDS: Final = 6 * max(item.timeout for item in FUNCTIONS if item.trigger is Trigger.QUEUE)
KEPT: Final = Duration.days(4)
DEAD_LETTERS_KEPT: Final = Duration.days(14)


class MessageQueues(Construct):
    """Messages wait here while WhatsApp is down, and in the dead letters when it is down for long."""

    def __init__(self, scope: Construct, id: str, settings: Settings) -> None:
        super().__init__(scope, id)
        self._settings = settings
        self.fifo: dict[str, sqs.Queue] = {}  # by the queue's name in the catalog
        self.dead_letters: dict[str, sqs.Queue] = {}  # by the name of the queue that they come from
        for machine in MACHINES:
            if machine.queue:
                self.fifo[machine.queue] = self._fifo(machine, machine.queue)
        dead = self._standard("events-dead", DEAD_LETTERS_KEPT)
        self.events = self._standard("events", KEPT, dead)
        self.dead_letters["events"] = dead
        for queue in self.dead_letters.values():
            acknowledge(queue, {"Serverless-SQSRedrivePolicy": "These are the dead letters."})

    def _fifo(self, machine: Machine, name: str) -> sqs.Queue:
        dead = self._fifo_queue(f"{name}-dead", machine, DEAD_LETTERS_KEPT)
        self.dead_letters[name] = dead
        return self._fifo_queue(name, machine, KEPT, dead)

    def _fifo_queue(self, name: str, machine: Machine, kept: Duration, dead: sqs.Queue | None = None) -> sqs.Queue:
        return sqs.Queue(
            self,
            camel_case(name),
            queue_name=f"{self._settings.name(name)}.fifo",
            fifo=True,
            content_based_deduplication=False,  # the message id of WhatsApp does that
            deduplication_scope=sqs.DeduplicationScope.MESSAGE_GROUP,
            fifo_throughput_limit=sqs.FifoThroughputLimit.PER_MESSAGE_GROUP_ID,
            visibility_timeout=Duration.seconds(machine.visibility_seconds),
            retention_period=kept,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=TRIES) if dead else None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )

    def _standard(self, name: str, kept: Duration, dead: sqs.Queue | None = None) -> sqs.Queue:
        return sqs.Queue(
            self,
            camel_case(name),
            queue_name=self._settings.name(name),
            visibility_timeout=Duration.seconds(EVENT_VISIBILITY_SECONDS),
            retention_period=kept,
            dead_letter_queue=sqs.DeadLetterQueue(queue=dead, max_receive_count=EVENT_TRIES) if dead else None,
            encryption=sqs.QueueEncryption.SQS_MANAGED,
            enforce_ssl=True,
            removal_policy=RemovalPolicy.DESTROY,
        )


def camel_case(name: str) -> str:
    """messages-dead -> MessagesDead."""
    return "".join(part.capitalize() for part in name.replace("_", "-").split("-"))
