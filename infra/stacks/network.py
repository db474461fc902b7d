"""Where the data side lives."""

from aws_cdk import Stack
from constructs import Construct

from infra.constructs.vpc import DataNetwork
from infra.settings import Settings


class NetworkStack(Stack):
    """The network of the functions that talk to the data stores."""

    def __init__(self, scope: Construct, id: str, settings: Settings) -> None:
        super().__init__(scope, id, description="School assistant: network of the data side")
        self.network = DataNetwork(self, "Network", settings)
