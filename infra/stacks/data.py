"""The database, the documents, the secrets and the cache."""

from aws_cdk import CfnOutput, Stack
from constructs import Construct

from infra.constructs.cache import Cache
from infra.constructs.database import Database
from infra.constructs.documents import Documents
from infra.constructs.encryption_key import EncryptionKey
from infra.constructs.secrets import Secrets
from infra.constructs.vpc import DataNetwork
from infra.settings import Settings


class DataStack(Stack):
    """The stateful part. What holds data outlives the stack; `protected` guards it and the database from deletion."""

    def __init__(self, scope: Construct, id: str, settings: Settings, network: DataNetwork) -> None:
        description = "School assistant: database, cache, documents, secrets"
        super().__init__(scope, id, description=description, termination_protection=settings.protected)
        self.key = EncryptionKey(self, "Key", settings)
        self.database = Database(self, "Database", settings, network)
        self.cache = Cache(self, "Cache", settings, network)
        self.documents = Documents(self, "Documents", settings)
        self.secrets = Secrets(self, "Secrets", settings)
        CfnOutput(self, "DocumentsBucket", value=self.documents.bucket.bucket_name)
        for grant, name in self.secrets.names.items():
            CfnOutput(self, f"{grant.name.title().replace('_', '')}Name", value=name)
