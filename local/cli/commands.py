"""The command line of `python -m local`.

A command is a module with `NAME`, `HELP`, `add_arguments(parser)` and `run(arguments, console)`, which returns the exit
status; add it to `COMMANDS`. `EPILOG` is optional: an example below its help.
"""

import argparse
from pathlib import Path
from typing import Final, Protocol

from rich.console import Console
from rich.markup import escape

from functions.domain.errors import ConfigurationError
from infra.packaging import PackagingError
from local.child import ServerError
from local.cli import fault, inbox, kpi, pay, profile, run, say, sync, today
from local.stack import StackError
from local.stack_client import FOLDER, NotRunning, Refused


class Command(Protocol):
    """What each module of this package offers."""

    @property
    def NAME(self) -> str: ...  # noqa: N802

    @property
    def HELP(self) -> str: ...  # noqa: N802

    def add_arguments(self, parser: argparse.ArgumentParser) -> None: ...

    def run(self, arguments: argparse.Namespace, console: Console) -> int: ...


COMMANDS: Final[tuple[Command, ...]] = (run, say, inbox, fault, profile, today, pay, sync, kpi)


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="python -m local", description="The product on this machine.")
    commands = root.add_subparsers(required=True, metavar="command")
    for command in COMMANDS:
        added = commands.add_parser(command.NAME, help=command.HELP, epilog=getattr(command, "EPILOG", None))
        command.add_arguments(added)
        added.add_argument("--folder", type=Path, default=FOLDER, help="of the run (.local); another for a second run")
        added.set_defaults(run=command.run)
    return root


def main() -> int:
    """Run the command of the command line; its exit status."""
    arguments = parser().parse_args()
    console = Console(highlight=False)
    try:
        return int(arguments.run(arguments, console))
    except ConfigurationError as error:
        console.print("\n".join(["[red]config/ has errors:[/]", *map(escape, error.problems)]))
        return 1
    except (StackError, ServerError, PackagingError, NotRunning, Refused) as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return 1
    except KeyboardInterrupt:
        return 130
