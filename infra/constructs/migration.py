"""The schema migration, run at each deployment that changes the schema, before the new code goes live."""

import hashlib
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from aws_cdk import CustomResource, Duration, RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.acknowledge import acknowledge
from infra.constructs.bot_function import ARCHITECTURE, LATEST, RUNTIME, BotFunction
from infra.constructs.database import Database
from infra.constructs.function_role import function_role
from infra.constructs.log_group import log_group
from infra.settings import Settings

SOURCE: Final = Path(__file__).parent / "schema_migration"
MIGRATIONS: Final = Path(__file__).parents[2] / "functions" / "migrations"


class SchemaMigration(Construct):
    """Runs `migrate` with the master password, through a function outside the network that does only that.

    The catalog does not list that function, since only CloudFormation calls it.
    """

    def __init__(self, scope: Construct, id: str, settings: Settings, migrate: BotFunction, database: Database) -> None:
        super().__init__(scope, id)
        name = settings.name("schema-migration")
        log = log_group(self, "Log", f"/aws/lambda/{name}", settings.log_days)
        role = function_role(
            self,
            name,
            [
                iam.PolicyStatement(
                    actions=["secretsmanager:GetSecretValue"], resources=[database.master_secret.secret_arn]
                ),
                iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[migrate.alias.function_arn]),
            ],
        )
        function = lambda_.Function(
            self,
            "Function",
            function_name=name,
            description="At deploy: hands the master password to migrate",
            runtime=RUNTIME,
            architecture=ARCHITECTURE,
            code=lambda_.Code.from_asset(str(SOURCE), exclude=["__pycache__"]),
            handler="index.handler",
            memory_size=256,
            timeout=Duration.minutes(10),
            role=role,
            log_group=log,
            logging_format=lambda_.LoggingFormat.JSON,
        )
        function.node.add_dependency(role)
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
        acknowledge(
            function,
            {
                "AwsSolutions-L1": LATEST,
                "Serverless-LambdaLatestVersion": LATEST,
                "Serverless-LambdaTracing": "Runs once at a deploy.",
                "Serverless-LambdaDLQ": "CloudFormation waits for its answer and reports what went wrong.",
            },
        )

    def comes_before(self, functions: Iterable[BotFunction]) -> None:
        """The aliases of these functions move after the migration."""
        for function in functions:
            function.alias.node.add_dependency(self.resource)


def digest(files: Iterable[Path]) -> str:
    """A hash of names and contents."""
    parts = [part for file in files for part in (file.name.encode(), file.read_bytes())]
    return hashlib.sha256(b"\0".join(parts)).hexdigest()[:16]
