"""The nightly schedule of the student sync."""

from typing import Final

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from functions.adapters.school_config import load
from infra.paths import ROOT
from infra.settings import Settings

HOUR: Final = 1  # at night, by the school's clock


class NightlySchedule(Construct):
    """Starts a Standard machine every night, by the school's clock."""

    def __init__(self, scope: Construct, id: str, settings: Settings, machine: stepfunctions.StateMachine) -> None:
        super().__init__(scope, id)
        night = TimeZone.of(load(ROOT / "config").timezone.key)
        scheduler.Schedule(
            self,
            "Schedule",
            schedule_name=settings.name("student-sync"),
            description="Students and numbers from the school; by hand: Start execution, without input",
            schedule=scheduler.ScheduleExpression.cron(minute="0", hour=str(HOUR), time_zone=night),
            target=targets.StepFunctionsStartExecution(machine, retry_attempts=3, max_event_age=Duration.hours(1)),
            enabled="school_api_url" not in settings.samples(),  # there is no school to ask yet
        )
