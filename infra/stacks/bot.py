"""The bot itself: the HTTP API, the queues, the state machines and the functions."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra import grants
from infra.catalog import COMMON_SETTINGS, FUNCTIONS, MACHINES, ROUTES, Function, Side, Trigger
from infra.constructs.bot_function import BotFunction
from infra.constructs.events import read_events
from infra.constructs.http_api import FrontDoor
from infra.constructs.layers import package
from infra.constructs.message_queues import MessageQueues, camel_case
from infra.constructs.migration import SchemaMigration
from infra.constructs.nightly_schedule import NightlySchedule
from infra.constructs.pipe import QueuePipe
from infra.constructs.rollout import CanaryRollout
from infra.constructs.state_machine import StateMachine
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
        super().__init__(scope, id, description="School assistant: HTTP API, queues, state machines, functions")
        self.queues = MessageQueues(self, "Queues", settings)
        self.front_door = FrontDoor(self, "FrontDoor", settings)

        outside = grants.Outside(data.database, data.cache, data.documents, data.secrets, self.queues, self.front_door)
        statements, environment = grants.statements(outside), grants.environment(settings, outside)
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
        self.machines = {
            machine.name: StateMachine(
                self, camel_case(machine.name), settings, machine, self.functions, self.queues.fifo, data.key
            ).machine
            for machine in MACHINES
        }
        self.pipes = [
            QueuePipe(
                self,
                f"{camel_case(machine.name)}Pipe",
                settings,
                machine.name,
                self.queues.fifo[machine.queue],
                self.machines[machine.name],
            )
            for machine in MACHINES
            if machine.queue
        ]
        NightlySchedule(self, "StudentSyncSchedule", settings, self.machines["student_sync"])
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
        for name, machine in self.machines.items():
            CfnOutput(self, f"{camel_case(name)}Machine", value=machine.state_machine_arn)
        for name, queue in self.queues.dead_letters.items():
            CfnOutput(self, f"DeadLettersOf{camel_case(name)}", value=queue.queue_url)
