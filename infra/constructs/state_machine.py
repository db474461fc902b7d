"""State machines of the catalog, from their files in `statemachines/`."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import RemovalPolicy
from aws_cdk import aws_iam as iam
from aws_cdk import aws_kms as kms
from aws_cdk import aws_sqs as sqs
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from infra.catalog import Machine
from infra.constructs.acknowledge import acknowledge_wildcards
from infra.constructs.bot_function import BotFunction
from infra.constructs.log_group import log_group
from infra.settings import Settings
from infra.state_machine_definitions import function_placeholder, load_definition, placeholders, queue_placeholder

EXPRESS: Final = stepfunctions.StateMachineType.EXPRESS
STANDARD: Final = stepfunctions.StateMachineType.STANDARD


class StateMachine(Construct):
    """One machine, with a log of every execution. It may invoke and send to what its definition names.

    An Express machine has no other history than its log, so its log holds the data of each state. A Standard machine
    keeps its history in the console.
    """

    def __init__(
        self,
        scope: Construct,
        id: str,
        settings: Settings,
        machine: Machine,
        functions: Mapping[str, BotFunction],
        queues: Mapping[str, sqs.Queue],
        key: kms.IKey,
    ) -> None:
        """`queues`: the FIFO queues by their names in the catalog."""
        super().__init__(scope, id)
        name = settings.name(machine.name.replace("_", "-"))
        text = load_definition(machine.name)
        used = placeholders(text)
        arns = {function_placeholder(name): item.alias.function_arn for name, item in functions.items()}
        urls = {queue_placeholder(name): queue for name, queue in queues.items()}
        values = {"SchoolApi": settings.school_api.value, **arns} | {
            name: item.queue_url for name, item in urls.items()
        }
        # `/aws/vendedlogs/`: AWS writes there without a resource policy, of which an account may have ten.
        log = log_group(self, "Log", f"/aws/vendedlogs/states/{name}", settings.conversation_log_days, key)
        self.machine = stepfunctions.StateMachine(
            self,
            "Machine",
            state_machine_name=name,
            state_machine_type=EXPRESS if machine.queue else STANDARD,
            definition_body=stepfunctions.DefinitionBody.from_string(text),
            definition_substitutions={placeholder: values[placeholder] for placeholder in used},
            logs=stepfunctions.LogOptions(
                destination=log,
                level=stepfunctions.LogLevel.ALL,
                include_execution_data=machine.queue is not None,
            ),
            tracing_enabled=True,
            removal_policy=RemovalPolicy.DESTROY,
        )
        # A definition from a file grants nothing by itself.
        self._allow("lambda:InvokeFunction", [arns[placeholder] for placeholder in used if placeholder in arns])
        self._allow("sqs:SendMessage", [urls[placeholder].queue_arn for placeholder in used if placeholder in urls])
        acknowledge_wildcards(self.machine, ["*"])

    def _allow(self, action: str, resources: list[str]) -> None:
        if resources:
            self.machine.add_to_role_policy(iam.PolicyStatement(actions=[action], resources=resources))
