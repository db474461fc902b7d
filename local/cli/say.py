"""`say`: send one message as a parent; show the replies and where the time went."""

import argparse
from pathlib import Path
from typing import Final

from rich.console import Console
from rich.markup import escape

from local.cli import chat, waterfall
from local.media import attach
from local.parent import KINDS, UNANSWERED, Content, Parent, new_message_id, text
from local.send_message import (
    REPLY_SECONDS,
    Outcome,
    explain_missing_reply,
    post_webhook,
    save_documents,
    send_message,
    tap,
)
from local.stack_client import Refused, StackClient
from local.world.webhooks import encode

NAME: Final = "say"
HELP: Final = "write as a parent or the office, and see the reply"
ECHO: Final = "echo"
AS_HELP: Final = "another kind of message; echo: the office writes to this parent in the WhatsApp Business app"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", nargs="?", default="", help="the words, or the caption of what --as names")
    sender = parser.add_mutually_exclusive_group(required=True)
    sender.add_argument("--from", dest="sender", type=phone_number, metavar="NUMBER", help="the parent's number")
    sender.add_argument("--bsuid", metavar="USER_ID", help="someone who does not show their number")
    sender.add_argument("--office", action="store_true", help="the school's office")
    parser.add_argument("--tap", metavar="CHOICE", help="tap a row or button of the last messages: its id or title")
    parser.add_argument("--as", dest="kind", default="text", choices=(*KINDS, ECHO), help=AS_HELP)
    parser.add_argument("--file", type=Path, help="the recording, picture or document (a sample of ours)")
    parser.add_argument("--name", default="Tendai Moyo", help="the name in the parent's WhatsApp profile")
    parser.add_argument("--save", type=Path, default=Path("received"), help="folder for documents (received/)")
    parser.add_argument("--seconds", type=float, default=REPLY_SECONDS, help="how long to wait for the reply")
    parser.add_argument("--brief", action="store_true", help="without the waterfall")


def run(arguments: argparse.Namespace, console: Console) -> int:
    running = StackClient.find(arguments.folder)
    parent = Parent(arguments.sender, arguments.bsuid, arguments.name)
    if arguments.office:
        parent = Parent(running.plan.office, name="School office")
    if arguments.kind == ECHO:
        status, _ = post_webhook(running, encode(parent.echo_body(text(arguments.text), new_message_id())))
        console.print(f"Told, as WhatsApp tells it ({status}). The assistant keeps quiet there for 12 hours.")
        return 0 if status == 200 else 1
    content, reply_to = _content(arguments, running, parent)
    content = attach(running, content, file=arguments.file, said=arguments.text)
    console.print(chat.sent_bubble(content))
    unanswered = arguments.kind in UNANSWERED
    seconds = 1 if unanswered else arguments.seconds
    with console.status("waiting for the reply …"):
        outcome = send_message(running, parent, content, reply_to=reply_to, seconds=seconds)
    for reply in outcome.replies:
        console.print(chat.reply_bubble(reply))
    for path in save_documents(running, outcome, arguments.save):
        console.print(f"saved: [bold]{escape(str(path))}[/]")
    if outcome.replies:
        if not arguments.brief:
            console.print(waterfall.waterfall(outcome, console.width))
        return 0
    if unanswered and outcome.status == 200:
        console.print("Recorded; this kind of message is never answered.")
        return 0
    _show_missing_reply(running, outcome, arguments.seconds, console)
    return 1


def _content(arguments: argparse.Namespace, running: StackClient, parent: Parent) -> tuple[Content, str | None]:
    """The content of the message, and the id of the message that it answers."""
    if arguments.tap:
        return tap(running, parent, arguments.tap)
    if arguments.kind == "reaction":
        outbox = running.world("GET", "/outbox", to=parent.address)
        if not outbox:
            raise Refused("This parent has received no message yet that a reaction could refer to")
        content = KINDS["reaction"](arguments.text)
        content["reaction"]["message_id"] = outbox[-1]["id"]
        return content, None
    if arguments.kind == "my-number" and not arguments.text:
        raise Refused("Give the number that is shared: say +447700900123 --as my-number --bsuid GB.…")
    if arguments.kind == "text" and not arguments.text:
        raise Refused('The text is missing, as in: say "balance" --from +447700900123')
    return KINDS.get(arguments.kind, text)(arguments.text), None


def _show_missing_reply(running: StackClient, outcome: Outcome, seconds: float, console: Console) -> None:
    console.print(f"[red]No reply within {seconds:g} s.[/]")
    for line in explain_missing_reply(running, outcome):
        console.print(f"  {escape(line)}")
    console.print(f"  Logs: {running.plan.log('webhook').parent}")


def phone_number(text: str) -> str:
    """In E.164, for argparse."""
    digits = text.strip().lstrip("+").replace(" ", "")
    if not digits.isdecimal() or not 7 <= len(digits) <= 15:
        raise argparse.ArgumentTypeError(f"{text}: expected a number with its country code, as in +447700900123")
    return f"+{digits}"
