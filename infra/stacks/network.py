"""The network of the data side."""

from aws_cdk import Stack
from constructs import Construct

from infra.constructs.vpc import DataNetwork
from infra.settings import Settings


class NetworkStack(Stack):
    """The network of the functions that talk to the data stores."""

    def __init__(self, scope: Construct, id: str, settings: Settings) -> None:
        description = "School assistant: network of the data side"
        super().__init__(scope, id, description=description, termination_protection=settings.protected)
        self.network = DataNetwork(self, "Network", settings)
