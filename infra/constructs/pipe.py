"""EventBridge Pipes: one message of a queue, one execution of its state machine, waited for."""

from aws_cdk import aws_iam as iam
from aws_cdk import aws_pipes as pipes
from constructs import Construct

from infra.constructs.log_group import log_group
from infra.constructs.queues import MachineQueue
from infra.constructs.state_machine import StateMachine
from infra.settings import Settings


class QueuePipe(Construct):
    """Deletes a message when its execution succeeded; otherwise the queue offers it again."""

    def __init__(
        self, scope: Construct, id: str, settings: Settings, queue: MachineQueue, machine: StateMachine
    ) -> None:
        super().__init__(scope, id)
        self.label = machine.label
        self.name = machine.name
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("pipes.amazonaws.com"))
        role.add_to_policy(
            iam.PolicyStatement(
                actions=["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
                resources=[queue.queue.queue_arn],
            )
        )
        role.add_to_policy(
            iam.PolicyStatement(actions=["states:StartSyncExecution"], resources=[machine.machine.state_machine_arn])
        )
        log = log_group(self, "Log", f"/aws/vendedlogs/pipes/{self.name}", settings.log_days)
        pipe = pipes.CfnPipe(
            self,
            "Pipe",
            name=self.name,
            description=f"One message, one execution of {self.label}",
            role_arn=role.role_arn,
            source=queue.queue.queue_arn,
            source_parameters=pipes.CfnPipe.PipeSourceParametersProperty(
                sqs_queue_parameters=pipes.CfnPipe.PipeSourceSqsQueueParametersProperty(batch_size=1)
            ),
            target=machine.machine.state_machine_arn,
            target_parameters=pipes.CfnPipe.PipeTargetParametersProperty(
                step_function_state_machine_parameters=pipes.CfnPipe.PipeTargetStateMachineParametersProperty(
                    invocation_type="REQUEST_RESPONSE"  # a failed execution must leave the message in the queue
                ),
            ),
            log_configuration=pipes.CfnPipe.PipeLogConfigurationProperty(
                cloudwatch_logs_log_destination=pipes.CfnPipe.CloudwatchLogsLogDestinationProperty(
                    log_group_arn=log.log_group_arn
                ),
                level="ERROR",  # without the data: what a parent wrote stays in the encrypted log
            ),
        )
        # The role's policy is a resource of its own: a pipe that is made before it is refused.
        pipe.node.add_dependency(role)
