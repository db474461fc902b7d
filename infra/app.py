"""The stacks of one environment, and the rules that they are checked against at every synth."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from aws_cdk import App, Tags, Validations
from cdk_nag import AwsSolutionsChecks, ServerlessChecks

from infra.settings import Settings
from infra.stacks.bot import BotStack
from infra.stacks.data import DataStack
from infra.stacks.monitoring import MonitoringStack
from infra.stacks.network import NetworkStack


@dataclass(frozen=True)
class Stacks:
    """What one environment consists of, in the order in which it is deployed."""

    network: NetworkStack
    data: DataStack
    bot: BotStack
    monitoring: MonitoringStack


def build(app: App, settings: Settings, packages: Mapping[str, Path]) -> Stacks:
    """Adds the stacks to the app; `packages` are the folders of the layers and of the code, by name."""
    network = NetworkStack(app, settings.name("network"), settings)
    data = DataStack(app, settings.name("data"), settings, network.network)
    bot = BotStack(app, settings.name("bot"), settings, network.network, data, packages)
    monitoring = MonitoringStack(app, settings.name("monitoring"), settings, data, bot)
    for name, value in (("product", "school-whatsapp-assistant"), ("environment", settings.environment)):
        # Without the key: emulators of CloudFormation (moto 5.2) read a key's tags wrongly and stop.
        Tags.of(app).add(name, value, exclude_resource_types=["AWS::KMS::Key"])
    for name in settings.samples():
        Validations.of(bot).add_warning(
            f"sample-{name}", f"{name} is still the sample's: set it in cdk.json before the first message"
        )
    Validations.of(app).add_plugins(AwsSolutionsChecks(app), ServerlessChecks(app))
    return Stacks(network, data, bot, monitoring)
