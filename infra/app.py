"""The stacks of one environment, and the rules that they are checked against at every synth."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.catalog import FUNCTIONS, MACHINES, Function, Machine
from infra.settings import Settings
from infra.stacks.bot import BotStack
from infra.stacks.data import DataStack
from infra.stacks.monitoring import MonitoringStack
from infra.stacks.network import NetworkStack
from infra.state_machine_definition import FOLDER, load


@dataclass(frozen=True)
class Stacks:
    """The stacks of one environment, in the order of deployment."""

    network: NetworkStack
    data: DataStack
    bot: BotStack
    monitoring: MonitoringStack


def build(
    app: App,
    settings: Settings,
    packages: Mapping[str, Path],
    *,
    functions: Sequence[Function] = FUNCTIONS,
    machines: Sequence[Machine] = MACHINES,
    definitions: Path = FOLDER,
) -> Stacks:
    """Adds the stacks to the app.

    `packages` are the folders of the layers and of the code, by name; `definitions` is that of the state machines.
    """
    network = NetworkStack(app, settings.name("network"), settings)
    data = DataStack(app, settings.name("data"), settings, network.network)
    bot = BotStack(
        app,
        settings.name("bot"),
        settings,
        functions=functions,
        machines=machines,
        definitions={
            item.name: load(item, functions=functions, machines=machines, folder=definitions) for item in machines
        },
        packages=packages,
        network=network.network,
        database=data.database,
        cache=data.cache,
        documents=data.documents,
        secrets=data.secrets,
        key=data.key,
    )
    monitoring = MonitoringStack(
        app,
        settings.name("monitoring"),
        settings,
        queues=[*bot.queues.values(), bot.events],
        machines=[*bot.machines.values()],
        functions=[*bot.functions.values()],
        api=bot.api,
        database=data.database,
        cache=data.cache,
        key=data.key,
    )
    bot.add_dependency(data)
    monitoring.add_dependency(bot)
    for name, value in (("product", "school-whatsapp-assistant"), ("environment", settings.environment)):
        Tags.of(app).add(name, value)
    for name in settings.samples():
        Validations.of(bot).add_warning(
            f"sample-{name}", f"{name} is still the sample's: set it in cdk.json before the first message"
        )
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return Stacks(network, data, bot, monitoring)
