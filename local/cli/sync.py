"""`sync`: run the nightly student sync and the nightly purge now."""

import argparse
from typing import Final

from rich.console import Console

from local.stack_client import StackClient

NAME: Final = "sync"
HELP: Final = "the nightly student sync, and the nightly purge of old records"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--students", type=int, metavar="N", help="give the simulated school so many students first")


def run(arguments: argparse.Namespace, console: Console) -> int:
    from local import student_sync  # boto3 and SQLAlchemy would slow down every other command

    running = StackClient.find(arguments.folder)
    if arguments.students:
        running.world("PUT", "/school-size", {"students": arguments.students})
    execution = student_sync.run_student_sync(running, console)
    student_sync.show(execution, student_sync.records_to_correct(running), console)
    purge = student_sync.run_purge(running, console)
    return 0 if execution["status"] == purge["status"] == "SUCCEEDED" else 1
