"""State machines, from their files in `statemachines/`."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.constructs.acknowledge import acknowledge_wildcards
from infra.constructs.bot_function import BotFunction
from infra.constructs.log_group import log_group
from infra.settings import Settings

ROOT: Final = Path(__file__).parents[2]
PLACEHOLDER: Final = re.compile(r"\$\{(\w+)\}")


class StateMachine(Construct):
    """One machine, with a log of every execution; it may invoke the functions that its definition names."""

    def __init__(
        self,
        scope: Construct,
        id: str,
        settings: Settings,
        functions: Mapping[str, BotFunction],
        key: kms.IKey,
        *,
        definition: str,
        kind: stepfunctions.StateMachineType,
        log_data: bool,
    ) -> None:
        """`definition`: name of the file; `log_data`: whether the log holds what goes in and out of each state."""
        super().__init__(scope, id)
        name = settings.name(definition.replace("_", "-"))
        text = (ROOT / "statemachines" / f"{definition}.asl.json").read_text()
        placeholders = dict.fromkeys(PLACEHOLDER.findall(text))
        arns = {camel_case(name): function.alias.function_arn for name, function in functions.items()}
        values = {"SchoolApi": settings.school_api.value, **arns}
        # `/aws/vendedlogs/`: AWS writes there without a resource policy, of which an account may have ten.
        log = log_group(self, "Log", f"/aws/vendedlogs/states/{name}", settings.conversation_log_days, key)
        self.machine = stepfunctions.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            state_machine_type=kind,
            definition_body=stepfunctions.DefinitionBody.from_string(text),
            definition_substitutions={placeholder: values[placeholder] for placeholder in placeholders},
            logs=stepfunctions.LogOptions(
                destination=log, level=stepfunctions.LogLevel.ALL, include_execution_data=log_data
            ),
            tracing_enabled=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # A definition from a file grants nothing by itself.
        self.machine.add_to_role_policy(
            iam.PolicyStatement(
                actions=["lambda:InvokeFunction"],
                resources=[arns[placeholder] for placeholder in placeholders if placeholder in arns],
            )
        )
        acknowledge_wildcards(self.machine, ["*"])


class ConversationMachine(StateMachine):
    """The conversation; its log has the data too, since an Express machine has no other history."""

    def __init__(
        self, scope: Construct, id: str, settings: Settings, functions: Mapping[str, BotFunction], key: kms.IKey
    ) -> None:
        super().__init__(
            scope,
            id,
            settings,
            functions,
            key,
            definition="conversation",
            kind=stepfunctions.StateMachineType.EXPRESS,
            log_data=True,
        )


def camel_case(name: str) -> str:
    """The placeholder of a function: fetch_fees -> FetchFees."""
    return "".join(part.capitalize() for part in name.split("_"))
