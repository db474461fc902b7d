"""The assistant itself: the HTTP API, the functions, the queues and the state machines."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from aws_cdk import CfnOutput, Stack
from aws_cdk import aws_kms as kms
from constructs import Construct

from infra import grants
from infra.catalog import COMMON_SETTINGS, ROUTES, Function, Machine, Side, Trigger
from infra.constructs.bot_function import BotFunction
from infra.constructs.cache import Cache
from infra.constructs.daily_schedule import DailySchedule
from infra.constructs.database import Database
from infra.constructs.documents import Documents
from infra.constructs.events import read_events
from infra.constructs.http_api import HttpApi
from infra.constructs.layers import package
from infra.constructs.migration import SchemaMigration
from infra.constructs.pipe import QueuePipe
from infra.constructs.queues import EventQueue, MachineQueue
from infra.constructs.release import Release
from infra.constructs.secrets import Secrets
from infra.constructs.state_machine import StateMachine
from infra.constructs.vpc import DataNetwork
from infra.constructs.wake_up import WakeUp
from infra.names import camel_case
from infra.settings import Settings


class BotStack(Stack):
    """Everything that has no state of its own: it can be deleted and deployed again."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        settings: Settings,
        *,
        functions: Sequence[Function],
        machines: Sequence[Machine],
        definitions: Mapping[str, str],
        packages: Mapping[str, Path],
        network: DataNetwork,
        database: Database,
        cache: Cache,
        documents: Documents,
        secrets: Secrets,
        key: kms.IKey,
    ) -> None:
        """`definitions`: text of each machine's definition, by name; `packages`: folders of the layers and the code."""
        description = "School assistant: HTTP API, functions, queues, state machines"
        super().__init__(scope, id, description=description, termination_protection=settings.protected)

        (events_reader,) = [item for item in functions if item.trigger is Trigger.QUEUE]
        self.events = EventQueue(self, "Events", settings, events_reader)
        self.queues = {
            item.name: MachineQueue(self, f"{camel_case(item.name)}Queue", settings, item)
            for item in machines
            if item.queue
        }
        self.api = HttpApi(self, "HttpApi", settings)

        resources = grants.Resources(database, cache, documents, secrets, self.queues, self.events, self.api)
        statements = grants.statements(resources)
        environment = grants.environment(settings, resources)
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

        self.functions = {function.name: make(function) for function in functions}
        self.api.add_routes(ROUTES, {name: item.alias for name, item in self.functions.items()})
        read_events(self.events, self.functions[events_reader.name])

        migration = SchemaMigration(self, "Migration", settings, self.functions["migrate"], database)
        inside = [item for item in self.functions.values() if item.catalog.side is Side.DATA]
        serving = [item for item in inside if item.catalog.trigger is not Trigger.DEPLOY]
        WakeUp(self, "WakeUp", settings, serving)

        def make_machine(item: Machine, suffix: str = "") -> StateMachine:
            return StateMachine(
                self,
                f"{camel_case(item.name)}Machine{suffix.removeprefix('-').capitalize()}",
                settings,
                item,
                definition=definitions[item.name],
                functions=self.functions,
                queues=self.queues,
                key=key,
                suffix=suffix,
            )

        (conversation,) = [item for item in machines if item.name == "conversation"]
        trial = make_machine(conversation, "-trial")
        self.machines = {item.name: make_machine(item) for item in machines}
        release = Release(self, "Release", settings, [*self.functions.values()], trial)
        release.starts.node.add_dependency(migration)  # and so everything that goes live
        live = [item.alias for item in self.functions.values() if item.catalog.trigger is not Trigger.DEPLOY]
        release.comes_before([*live, *self.machines.values()])
        self.pipes = {
            name: QueuePipe(self, f"{camel_case(name)}Pipe", settings, queue, self.machines[name])
            for name, queue in self.queues.items()
        }
        for item in machines:
            if item.daily_at_hour is not None:
                id = f"{camel_case(item.name)}Schedule"
                DailySchedule(self, id, settings, self.machines[item.name], item.daily_at_hour)

        CfnOutput(self, "WebhookUrl", value=f"{self.api.url}/webhook")
        CfnOutput(self, "PaymentUrl", value=f"{self.api.url}/events/payment")
        CfnOutput(self, "PublicUrl", value=settings.public_url or self.api.url)
        for name, machine in self.machines.items():
            CfnOutput(self, f"{camel_case(name)}MachineArn", value=machine.machine.state_machine_arn)
        for queue in (*self.queues.values(), self.events):
            CfnOutput(self, f"{camel_case(queue.label)}DeadLettersUrl", value=queue.dead_letters.queue_url)
