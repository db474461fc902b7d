"""The bot itself: the front door, the queues, the conversation and its functions."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra import grants
from infra.catalog import COMMON_SETTINGS, FUNCTIONS, ROUTES, Function, Side, Trigger
from infra.constructs.bot_function import BotFunction
from infra.constructs.events import read_events
from infra.constructs.http_api import FrontDoor
from infra.constructs.layers import package
from infra.constructs.message_queues import MessageQueues
from infra.constructs.migration import SchemaMigration
from infra.constructs.pipe import ConversationPipe
from infra.constructs.rollout import CanaryRollout
from infra.constructs.state_machine import ConversationMachine, camel_case
from infra.constructs.student_sync import StudentSync
from infra.constructs.vpc import DataNetwork
from infra.settings import Rollout, Settings
from infra.stacks.data import DataStack


class BotStack(Stack):
    """Everything that has no state of its own: it can be taken down and put up again."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        settings: Settings,
        network: DataNetwork,
        data: DataStack,
        packages: Mapping[str, Path],
    ) -> None:
        super().__init__(scope, id, description="School assistant: front door, queues, conversation, functions")
        self.queues = MessageQueues(self, "Queues", settings)
        self.front_door = FrontDoor(self, "FrontDoor", settings)

        statements = grants.statements(data, self.queues, self.front_door)
        environment = grants.environment(settings, data, self.queues, self.front_door.url)
        layers = package(self, packages)

        def make(function: Function) -> BotFunction:
            names = [*function.environment, *COMMON_SETTINGS]
            return BotFunction(
                self,
                camel_case(function.name),
                function=function,
                settings=settings,
                package=layers,
                environment={name: {**environment, "POWERTOOLS_SERVICE_NAME": function.name}[name] for name in names},
                permissions=[statements[grant] for grant in function.grants],
                network=network,
            )

        self.functions = {function.name: make(function) for function in FUNCTIONS}

        migration = SchemaMigration(self, "Migration", settings, self.functions["migrate"], data.database)
        inside = [item for item in self.functions.values() if item.catalog.side is Side.DATA]
        migration.comes_before(item for item in inside if item.catalog.trigger is not Trigger.DEPLOY)

        self.front_door.add_routes(ROUTES, {name: item.alias for name, item in self.functions.items()})
        self.conversation = ConversationMachine(self, "Conversation", settings, self.functions, data.key)
        self.pipe = ConversationPipe(self, "Pipe", settings, self.queues.messages, self.conversation.machine)
        self.student_sync = StudentSync(self, "StudentSync", settings, self.functions, data.key)
        for item in self.functions.values():
            if item.catalog.trigger is Trigger.QUEUE:
                read_events(self.queues.events, item)

        if settings.rollout is Rollout.CANARY:
            rollout = CanaryRollout(self, "Rollout", settings)
            for name, item in self.functions.items():
                if item.catalog.trigger is not Trigger.DEPLOY:  # the schema must meet the new `migrate`, at once
                    rollout.add(camel_case(name), item)

        CfnOutput(self, "WebhookUrl", value=f"{self.front_door.url}/webhook")
        CfnOutput(self, "PaymentUrl", value=f"{self.front_door.url}/events/payment")
        CfnOutput(self, "PublicUrl", value=settings.public_url or self.front_door.url)
        CfnOutput(self, "ConversationMachine", value=self.conversation.machine.state_machine_arn)
        CfnOutput(self, "StudentSyncMachine", value=self.student_sync.machine.state_machine_arn)
        CfnOutput(self, "DeadMessages", value=self.queues.dead_messages.queue_url)
