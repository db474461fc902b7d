"""The account of one run of the local stack: its resources, and what is started by its queues."""

from local import moto_patches  # before anything of moto.stepfunctions

# isort: split
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from moto.core.config import default_user_config
from moto.s3.models import s3_backends
from moto.secretsmanager.models import secretsmanager_backends
from moto.sqs.models import sqs_backends
from moto.stepfunctions.parser.models import stepfunctions_parser_backends

from infra.catalog import FUNCTIONS, MACHINES, Machine, Trigger
from local.aws.consumers import Consumer, Record, event_source_mapping, pipe
from local.aws.executions import ExecutionLog
from local.aws.queues import Queues
from local.lambda_service.client import LambdaClient
from local.plan import ACCOUNT, BUCKET, EVENTS_QUEUE, REGION, Plan
from local.step_functions.definitions import substitute, values
from local.step_functions.execution import Execution
from local.step_functions.runner import ROLE, run, run_standard_executions
from local.step_functions.validation import check


class Account:
    """Queues, bucket, secrets, state machines, pipes and event source mappings."""

    def __init__(self, plan: Plan, definitions: Mapping[str, str], machines: Iterable[Machine] = MACHINES) -> None:
        """`definitions`: the name of each state machine -> its ASL with placeholders."""
        moto_patches.apply()
        default_user_config["stepfunctions"] = {"execute_state_machine": True}
        self.plan = plan
        self.executions = ExecutionLog()
        self._functions = LambdaClient(plan.lambdas_url)
        machines = tuple(machines)
        self.queues = Queues(sqs_backends[ACCOUNT][REGION], machines)
        self._create_bucket_and_secrets()
        placeholders = values(plan, machines)
        self.definitions = {machine.name: substitute(definitions[machine.name], placeholders) for machine in machines}
        self._create_state_machines(machines)
        self.pipes = {machine.name: self._pipe(machine) for machine in machines if machine.queue}
        self._mappings = [self._mapping(item.name) for item in FUNCTIONS if item.trigger is Trigger.QUEUE]

    def start(self) -> None:
        """Begin to receive messages from the queues."""
        for consumer in (*self.pipes.values(), *self._mappings):
            consumer.start()

    def stop(self) -> None:
        for consumer in (*self.pipes.values(), *self._mappings):
            consumer.stop()

    def execute(self, machine: str, execution_input: Any, record: Record | None = None, name: str = "") -> Execution:
        """Run an Express execution to its end; `record`: the queued message that started it."""
        return run(
            self.definitions[machine],
            execution_input,
            self._functions.invocation,
            name=name or None,
            machine=machine,
            on_start=lambda execution: self.executions.add(execution, record),
            send_message=self.queues.send_message,
        )

    # --- resources -----------------------------------------------------------------------------------------------

    def _create_bucket_and_secrets(self) -> None:
        s3_backends[ACCOUNT]["aws"].create_bucket(BUCKET, REGION)
        for name, value in self.plan.secret_values.items():
            secretsmanager_backends[ACCOUNT][REGION].create_secret(
                name=name,
                secret_string=value,
                secret_binary=None,
                description=None,
                tags=None,
                kms_key_id=None,
                client_request_token=None,
                replica_regions=[],
                force_overwrite=False,
            )

    def _create_state_machines(self, machines: Iterable[Machine]) -> None:
        for machine in machines:
            definition = self.definitions[machine.name]
            check(definition)
            stepfunctions_parser_backends[ACCOUNT][REGION].create_state_machine(
                name=machine.name,
                definition=definition,
                roleArn=ROLE,
                sm_type="EXPRESS" if machine.queue else "STANDARD",
            )
        run_standard_executions(self._functions.invocation, self.executions.add, self.queues.send_message)

    def _pipe(self, machine: Machine) -> Consumer:
        def execute(records: list[Record]) -> bool:
            return self.execute(machine.name, records, records[0]).status == "SUCCEEDED"

        return pipe(
            self.queues.backend,
            self.queues[f"{machine.queue}.fifo"],
            execute,
            at_once=self.plan.executions_at_once,
            retry_seconds=self.plan.retry_seconds,
        )

    def _mapping(self, function: str) -> Consumer:
        return event_source_mapping(
            self.queues.backend,
            self.queues[EVENTS_QUEUE],
            partial(self._functions.invoke, function),
            retry_seconds=self.plan.retry_seconds,
        )
