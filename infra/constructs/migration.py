"""The schema migration, run at each deployment that changes the schema, before the new code goes live."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from aws_cdk import CustomResource, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from constructs import Construct

from infra.constructs.bot_function import BotFunction
from infra.constructs.database import Database
from infra.constructs.deployment_function import deployment_function
from infra.settings import Settings

MIGRATIONS: Final = Path(__file__).parents[2] / "functions" / "migrations"


class SchemaMigration(Construct):
    """Runs `migrate` with the master password, through a function outside the network that does only that."""

    def __init__(self, scope: Construct, id: str, settings: Settings, migrate: BotFunction, database: Database) -> None:
        super().__init__(scope, id)
        function = deployment_function(
            self,
            settings,
            "schema-migration",
            module="schema_migration",
            description="At deploy: hands the master password to migrate",
            permissions=[
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"], resources=[database.master_secret.secret_arn]
                ),
                iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[migrate.alias.function_arn]),
            ],
            timeout=Duration.minutes(10),
        )
        migrations = sorted(MIGRATIONS.glob("versions/*.py"))
        self.resource = CustomResource(
            self,
            "Schema",
            resource_type="Custom::SchemaMigration",
            service_token=function.function_arn,
            service_timeout=Duration.minutes(12),
            removal_policy=RemovalPolicy.DESTROY,  # Delete does nothing
            properties={
                "Migrate": migrate.alias.function_arn,
                "MasterSecret": database.master_secret.secret_arn,
                "Migrations": str(len(migrations)),
                "Digest": digest(migrations),  # a change runs it again
            },
        )


def digest(files: Iterable[Path]) -> str:
    """A hash of names and contents."""
    parts = [part for file in files for part in (file.name.encode(), file.read_bytes())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
