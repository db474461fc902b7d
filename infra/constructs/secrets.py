"""The secrets, without values: operators put them (docs/operations.md), and functions name a missing one."""

from typing import Final

from aws_cdk import Aws, RemovalPolicy
from aws_cdk import aws_secretsmanager as secretsmanager
from constructs import Construct

from infra.catalog import Grant
from infra.constructs.acknowledge import acknowledge
from infra.settings import Settings

# Grant to read a secret -> its name, after `school/<environment>/`.
NAMES: Final = {
    Grant.APP_SECRET: "whatsapp-app-secret",
    Grant.VERIFY_TOKEN: "whatsapp-verify-token",
    Grant.ACCESS_TOKEN: "whatsapp-access-token",
    Grant.SCHOOL_API_KEY: "school-api-key",
    Grant.OPENAI_API_KEY: "openai-api-key",
    Grant.PAYMENT_SECRET: "payment-secret",
}


class Secrets(Construct):
    """One secret without a value for each permission of the catalog that reads one."""

    def __init__(self, scope: Construct, id: str, settings: Settings) -> None:
        super().__init__(scope, id)
        self.names = {grant: settings.secret_name(name) for grant, name in NAMES.items()}
        self.arns: dict[Grant, str] = {}
        for grant, name in NAMES.items():
            # Not the construct `Secret`: it generates a value, and a wrong value is harder to find than none.
            secret = secretsmanager.CfnSecret(
                self,
                "".join(part.capitalize() for part in name.split("-")),
                name=self.names[grant],
                description=f"{grant.value.removeprefix('read ')}: put by the operators, docs/operations.md",
            )
            secret.apply_removal_policy(RemovalPolicy.RETAIN)
            acknowledge(
                secret,
                {"AwsSolutions-SMG4": "Issued by WhatsApp, OpenAI or the school: only an operator can get a new one."},
            )
            self.arns[grant] = self._arn(self.names[grant])

    def _arn(self, name: str) -> str:
        """By name, with a wildcard for the six characters that AWS appends: an export could not be removed."""
        return f"arn:{Aws.PARTITION}:secretsmanager:{Aws.REGION}:{Aws.ACCOUNT_ID}:secret:{name}-??????"
