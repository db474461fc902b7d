"""The student sync: every night the school's students and their guardians' numbers, page by page."""

from collections.abc import Mapping
from typing import Final

from aws_cdk import Duration, TimeZone
from aws_cdk import aws_kms as kms
from aws_cdk import aws_scheduler as scheduler
from aws_cdk import aws_scheduler_targets as targets
from aws_cdk import aws_stepfunctions as stepfunctions
from constructs import Construct

from functions.adapters.school_config import load
from infra.constructs.bot_function import BotFunction
from infra.constructs.state_machine import ROOT, StateMachine
from infra.settings import Settings

HOUR: Final = 1  # at night, by the school's clock


class StudentSync(Construct):
    """The machine of `statemachines/student_sync.asl.json`, and its schedule.

    Its log holds no data: records have names and numbers in them, and the console keeps the history of a run anyway.
    """

    def __init__(
        self, scope: Construct, id: str, settings: Settings, functions: Mapping[str, BotFunction], key: kms.IKey
    ) -> None:
        super().__init__(scope, id)
        self.machine = StateMachine(
            self,
            "Sync",
            settings,
            functions,
            key,
            definition="student_sync",
            kind=stepfunctions.StateMachineType.STANDARD,
            log_data=False,
        ).machine
        night = TimeZone.of(load(ROOT / "config").timezone.key)
        scheduler.Schedule(
            self,
            "Schedule",
            schedule_name=settings.name("student-sync"),
            description="Students and numbers from the school; by hand: Start execution, without input",
            schedule=scheduler.ScheduleExpression.cron(minute="0", hour=str(HOUR), time_zone=night),
            target=targets.StepFunctionsStartExecution(self.machine, retry_attempts=3, max_event_age=Duration.hours(1)),
            enabled="school_api_url" not in settings.samples(),  # there is no school to ask yet
        )
