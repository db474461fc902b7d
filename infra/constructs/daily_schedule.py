"""State machines that are started once a day."""

from typing import Final

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from constructs import Construct

from functions.adapters.school_config import load
from infra.constructs.state_machine import StateMachine
from infra.paths import ROOT
from infra.settings import Settings

LATEST_START: Final = Duration.hours(1)  # after the hour; then not before the next day


class DailySchedule(Construct):
    """Starts one machine, without input, at the hour that the catalog gives it."""

    def __init__(self, scope: Construct, id: str, settings: Settings, machine: StateMachine, hour: int) -> None:
        super().__init__(scope, id)
        scheduler.Schedule(
            self,
            "Schedule",
            schedule_name=machine.name,
            description=f"{machine.catalog.purpose}; by hand: Start execution, without input",
            schedule=scheduler.ScheduleExpression.cron(
                minute="0", hour=str(hour), time_zone=TimeZone.of(load(ROOT / "config").timezone.key)
            ),
            target=targets.StepFunctionsStartExecution(machine.machine, retry_attempts=3, max_event_age=LATEST_START),
            enabled=not machine.catalog.needs_school or "school_api_url" not in settings.samples(),
        )
