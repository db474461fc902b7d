"""`kpi`: average, P95, cold starts, cache hits and feedback of what ran since the start."""

import argparse
from typing import Final

from rich.console import Console

from local import kpi
from local.stack_client import StackClient

NAME: Final = "kpi"
HELP: Final = "average, P95, cold starts, cache hits, feedback of what ran"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """It has none of its own."""


def run(arguments: argparse.Namespace, console: Console) -> int:
    plan = StackClient.find(arguments.folder).plan
    console.print(kpi.table(kpi.Collected.of(plan.log("webhook").parent), plan.school_api))
    return 0
