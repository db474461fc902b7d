"""`python -m infra.operations <command>`: looks at an environment, and changes nothing."""

import argparse
import sys
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console

from infra.operations import doctor, trace
from infra.operations.cloud_logs import LOOK_BACK_HOURS, CloudLogs, QueryFailed
from infra.operations.environment import Environment
from infra.operations.local_logs import LocalLogs
from local.stack_client import FOLDER, NotRunning

LOCAL = "local"


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="python -m infra.operations", description="Looks at an environment.")
    commands = root.add_subparsers(required=True, metavar="command", dest="command")
    examine = commands.add_parser("doctor", help="is everything as it should be")
    examine.add_argument("--env", required=True, help="an environment of cdk.json, such as dev")
    follow = commands.add_parser("trace", help="what happened to one message")
    follow.add_argument("id", help="the id of the message or notice as the logs have it")
    follow.add_argument("--env", default=LOCAL, help="an environment of cdk.json; local: the stack of `make run`")
    follow.add_argument("--hours", type=int, default=LOOK_BACK_HOURS, help="how far to look back (%(default)s)")
    follow.add_argument("--folder", type=Path, default=FOLDER, help="of the local run (.local)")
    return root


def main() -> int:
    arguments = parser().parse_args()
    console = Console(highlight=False, soft_wrap=True)
    try:
        if arguments.command == "doctor":
            return doctor.show(doctor.examine(Environment(arguments.env)), console)
        if arguments.env == LOCAL:
            return trace.show(arguments.id, LocalLogs(arguments.folder).find(arguments.id), console)
        logs = CloudLogs(Environment(arguments.env), hours=arguments.hours)
        return trace.show(arguments.id, logs.find(arguments.id), console)
    except (NotRunning, QueryFailed, BotoCoreError, ClientError) as error:
        console.print(str(error), style="red", markup=False)
        return 1


if __name__ == "__main__":
    sys.exit(main())
