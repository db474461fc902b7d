"""A weekly call that keeps the functions in the network active.

Lambda takes the network interfaces of a function that has not been called for weeks. The next call of it fails
(ResourceNotReadyException) while they are made again, and a parent or a guard would be that caller.
"""

import json
from collections.abc import Iterable

from aws_cdk import TimeZone
from aws_cdk import aws_iam as iam
from aws_cdk import aws_scheduler as scheduler
from constructs import Construct

from functions.adapters.school_config import load
from functions.domain.deployment import WAKE_UP
from infra.constructs.bot_function import BotFunction
from infra.names import camel_case
from infra.paths import ROOT
from infra.settings import Settings

HOUR = 3  # on Sundays, by the school's clock


class WakeUp(Construct):
    """One schedule for each function: Scheduler tries again while a function is not ready."""

    def __init__(self, scope: Construct, id: str, settings: Settings, functions: Iterable[BotFunction]) -> None:
        super().__init__(scope, id)
        role = iam.Role(self, "Role", assumed_by=iam.ServicePrincipal("scheduler.amazonaws.com"))
        time_zone = TimeZone.of(load(ROOT / "config").timezone.key)
        for function in functions:
            role.add_to_policy(
                iam.PolicyStatement(actions=["lambda:InvokeFunction"], resources=[function.alias.function_arn])
            )
            schedule = scheduler.CfnSchedule(
                self,
                camel_case(function.catalog.name),
                name=settings.name(f"wake-up-{function.label}"),
                description=f"Keeps {function.label} active in the weeks when nobody calls it",
                schedule_expression=f"cron(0 {HOUR} ? * SUN *)",
                schedule_expression_timezone=time_zone.timezone_name,
                flexible_time_window=scheduler.CfnSchedule.FlexibleTimeWindowProperty(
                    mode="FLEXIBLE", maximum_window_in_minutes=60
                ),
                target=scheduler.CfnSchedule.TargetProperty(
                    arn=function.alias.function_arn,
                    role_arn=role.role_arn,
                    input=json.dumps({WAKE_UP: True}),
                    retry_policy=scheduler.CfnSchedule.RetryPolicyProperty(
                        maximum_retry_attempts=5, maximum_event_age_in_seconds=3600
                    ),
                ),
            )
            schedule.node.add_dependency(role)
