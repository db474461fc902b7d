"""`today`: change the date that the school's rules go by, while everything runs."""

import argparse
from datetime import date
from typing import Final

from rich.console import Console

from local.school_date import change_today
from local.stack_client import StackClient

NAME: Final = "today"
HELP: Final = "change the date that the school's rules go by"
EPILOG: Final = "today 2026-11-23 · today real"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("date", type=day_or_real, metavar="YYYY-MM-DD", help="or: real")


def run(arguments: argparse.Namespace, console: Console) -> int:
    console.print(change_today(StackClient.find(arguments.folder), arguments.date))
    return 0


def day_or_real(text: str) -> date | None:
    return None if text == "real" else date.fromisoformat(text)
