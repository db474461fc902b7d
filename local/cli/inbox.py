"""`inbox`: what a phone has received, such as the office's when a parent asks for a person."""

import argparse
import time
from typing import Any, Final

from rich.console import Console

from local.cli import chat
from local.cli.say import phone_number
from local.stack_client import StackClient

NAME: Final = "inbox"
HELP: Final = "what the office's or a parent's phone has received"
EPILOG: Final = "inbox --office --follow shows each message to the office when it comes"
WAIT_SECONDS: Final = 20  # for the next message, before it is asked for again


def add_arguments(parser: argparse.ArgumentParser) -> None:
    phone = parser.add_mutually_exclusive_group(required=True)
    phone.add_argument("--from", dest="phone", type=phone_number, metavar="NUMBER", help="a parent's number")
    phone.add_argument("--bsuid", metavar="USER_ID", help="someone who does not show their number")
    phone.add_argument("--office", action="store_true", help="the school's office")
    parser.add_argument("--last", type=int, default=5, help="how many messages (5)")
    parser.add_argument("--follow", action="store_true", help="go on until Ctrl-C")


def run(arguments: argparse.Namespace, console: Console) -> int:
    running = StackClient.find(arguments.folder)
    address = running.plan.office if arguments.office else arguments.phone or arguments.bsuid
    messages: list[dict[str, Any]] = running.world("GET", "/outbox", to=address)
    for message in messages[-arguments.last :]:
        console.print(chat.reply_bubble(message))
    if not messages:
        console.print("Nothing yet.")
    latest = messages[-1]["time"] if messages else time.time()
    while arguments.follow:
        for message in running.world("GET", "/outbox", timeout=60, to=address, after=latest, wait=WAIT_SECONDS):
            console.print(chat.reply_bubble(message))
            latest = max(latest, message["time"])
    return 0
