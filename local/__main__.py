"""The product on this machine: `python -m local run`; then, in another terminal, `python -m local say "hi" …`."""

import argparse
import contextlib
import os
import signal
import socket
import sys
from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from functions.adapters.school_config import FOLDER as CONFIG
from functions.adapters.school_config import load
from functions.domain.errors import ConfigurationError
from functions.domain.school import School
from infra.catalog import SchoolApi
from infra.packaging import PackagingError
from local import kpi, screen
from local.child import ServerError
from local.parent import KINDS, SILENT, Content, Parent, text
from local.pay import pay
from local.plan import Plan, Ports
from local.running import FOLDER, NotRunning, Refused, Running
from local.say import ANSWER_SECONDS, explain, save_documents, say, tap
from local.stack import Stack, StackError

PORT: Final = 8080
PROFILES: Final = sorted(path.stem for path in (Path(__file__).parent / "profiles").glob("*.toml"))
SERVERS: Final = ("redis", "replica")  # real servers, which can be killed and restored

# Variables of the environment that put a real service in the place of a simulated one -> fields of the plan.
REAL_SERVICES: Final[Mapping[str, Mapping[str, str]]] = {
    "OpenAI": {"OPENAI_API_KEY": "openai_api_key"},
    "the school's API": {"SCHOOL_API_KEY": "school_api_key", "SCHOOL_API_URL": "school_api_url"},
    "WhatsApp": {
        "WHATSAPP_ACCESS_TOKEN": "access_token",
        "WHATSAPP_PHONE_NUMBER_ID": "whatsapp_phone_number_id",
        "WHATSAPP_APP_SECRET": "app_secret",
        "WHATSAPP_VERIFY_TOKEN": "verify_token",
    },
}
REAL_ADDRESSES: Final = {
    "OpenAI": {"openai_api_url": "https://api.openai.com/v1"},
    "WhatsApp": {"whatsapp_api_url": "https://graph.facebook.com/v26.0"},
}


# --- run -------------------------------------------------------------------------------------------------------------


def real_services(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Settings of the plan, and the names of the services, for which real credentials are in the environment."""
    settings: dict[str, str] = {}
    names = []
    for name, variables in REAL_SERVICES.items():
        if all(environment.get(variable) for variable in variables):
            settings |= {field: environment[variable] for variable, field in variables.items()}
            settings |= REAL_ADDRESSES.get(name, {})
            names.append(name)
    return settings, names


def ports_from(first: int) -> Ports:
    """Four ports in a row that people use, the rest wherever there is room."""
    names = ("front_door", "world", "aws", "lambdas")
    for port in range(first, first + len(names)):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                raise StackError(
                    f"Port {port} is in use. Four in a row are needed: choose others with --port, as in --port 9080."
                ) from None
    return Ports.free(**dict(zip(names, range(first, first + len(names)), strict=True)))


def run(arguments: argparse.Namespace, console: Console) -> int:
    """Start everything, show how to use it, and stay until told to stop."""
    with contextlib.suppress(NotRunning):
        running = Running.find(arguments.folder)
        raise StackError(f"It runs already, at {running.plan.public_url}. Stop it there with Ctrl-C first.")
    school = load(arguments.config)  # before anything starts: what is wrong in it is said by name
    settings, real = real_services(os.environ)
    options: dict[str, Any] = {
        "profile": arguments.profile,
        "today": arguments.today,
        "school_api": arguments.school_api,
        "config": arguments.config.absolute(),
        **settings,
    }
    plan = Plan.create(arguments.folder.absolute(), ports_from(arguments.port), **options)
    _exit_when_told()
    console.print(f"Starting, with the delays of profile [bold]{plan.profile}[/] …")
    with Stack(plan, lambda what, seconds: console.print(f"  [green]✓[/] {seconds:5.1f} s  {what}")) as stack:
        for name, why in stack.start_errors().items():
            console.print(f"  [red]✗ function {name} cannot start:[/] {escape(why)}")
        show_how_to_use(Running(plan), real, stack.megabytes(), console)
        warn_of_holidays(school, arguments.today, console)
        with contextlib.suppress(SystemExit):
            serve_commands(stack, console)
        console.print("Stopping …")
    console.print("Stopped; nothing is left running.")
    return 0


def _exit_when_told() -> None:
    """The first signal ends the run in order, at any moment; more of them do not disturb that."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def leave(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(0)

    for number in numbers:
        signal.signal(number, leave)


def serve_commands(stack: Stack, console: Console) -> None:
    """For ever: watch the parts, and kill or restore a server when `fault` asks for it."""
    address = Running(stack.plan).control
    Path(address).unlink(missing_ok=True)
    commands: dict[str, Callable[[], object]] = {
        "kill redis": stack.redis.kill,
        "restore redis": stack.redis.__enter__,  # starts it and waits until it serves
        "kill replica": stack.postgres.kill_replica,
        "restore replica": stack.postgres.start_replica,
    }
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
        control.bind(address)
        control.settimeout(0.5)
        while True:
            with contextlib.suppress(TimeoutError):
                command = control.recv(100).decode()
                if command in commands:
                    try:
                        commands[command]()
                    except ServerError as error:
                        console.print(f"  [red]{escape(str(error))}[/]")
                    else:
                        console.print(f"  done: {command}")
            stack.check()


def show_how_to_use(running: Running, real: list[str], megabytes: int, console: Console) -> None:
    """What someone needs to send the first message."""
    plan = running.plan
    parents = Table(title="Parents to try", title_justify="left", title_style="bold", box=None, padding=(0, 2, 0, 0))
    for heading in ("write as", "who", "try"):
        parents.add_column(heading, header_style="dim", overflow="fold")
    sample = running.world("GET", "/sample")
    for parent in sample:
        sender = f"--from {parent['phone']}" if parent["phone"] else f"--bsuid {parent['user_id']}"
        parents.add_row(sender, f"{escape(parent['name'])} [dim]· {escape(parent['situation'])}[/]", parent["try"])
    places = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    for label, value in {
        "webhook": f"{plan.public_url}/webhook",
        "verify token": plan.verify_token if "WhatsApp" not in real else "yours",
        "app secret": plan.app_secret if "WhatsApp" not in real else "yours",
        "what was sent": f"{plan.world_url}/outbox",
        "calls to the outside": f"{plan.world_url}/calls",
        "conversations": f"{plan.aws_url}/executions",
        "queues": f"{plan.aws_url}/queues",
        "functions": f"{plan.lambdas_url}/functions",
        "logs": str(plan.log("webhook").parent),
    }.items():
        places.add_row(label, f"[bold]{escape(value)}[/]")
    console.print()
    console.print(places)
    console.print()
    console.print(parents)
    for name in real:
        console.print(f"\n[yellow]The real service is used for {name}: its credentials are in the environment.[/]")
    first = next(parent["phone"] for parent in sample if parent["phone"])
    console.print(
        f"\nReady ({megabytes} MB). In another terminal:  "
        f'[bold].venv/bin/python -m local say "hi" --from {first}[/]\nCtrl-C stops everything.'
    )


def warn_of_holidays(school: School, today: date | None, console: Console) -> None:
    """Outside a term nobody gets a gate pass, whatever the list of parents promises."""
    calendar, day = school.calendar, today or datetime.now(school.timezone).date()
    if calendar.current(day) is None:
        inside = calendar.billing(day).ends - timedelta(days=10)
        console.print(
            f"[yellow]{day} lies in no term: there are no gate passes, as in the holidays. "
            f'To try them: make run ARGS="--today {inside}"[/]'
        )


# --- say -------------------------------------------------------------------------------------------------------------


def say_command(arguments: argparse.Namespace, console: Console) -> int:
    """Send one message and show what the parent sees."""
    running = Running.find(arguments.folder)
    parent = Parent(arguments.sender, arguments.bsuid, arguments.name)
    content, answers = _content(arguments, running, parent)
    console.print(screen.sent_bubble(content))
    silent = arguments.kind in SILENT
    with console.status("waiting for the reply …"):
        outcome = say(running, parent, content, answers=answers, seconds=1 if silent else arguments.seconds)
    for reply in outcome.replies:
        console.print(screen.reply_bubble(reply))
    for path in save_documents(running, outcome, arguments.save):
        console.print(f"saved: [bold]{escape(str(path))}[/]")
    if outcome.replies:
        if not arguments.brief:
            console.print(screen.waterfall(outcome, console.width))
        return 0
    if silent and outcome.status == 200:
        console.print("Recorded; this kind of message gets no answer.")
        return 0
    console.print(f"[red]No reply within {arguments.seconds:g} s.[/]")
    for line in explain(running, outcome):
        console.print(f"  {escape(line)}")
    console.print(f"  Logs: {running.plan.log('webhook').parent}")
    return 1


def _content(arguments: argparse.Namespace, running: Running, parent: Parent) -> tuple[Content, str | None]:
    if arguments.tap:
        return tap(running, parent, arguments.tap)
    if arguments.kind == "reaction":
        shown = running.world("GET", "/outbox", to=parent.address)
        if not shown:
            raise Refused("This parent was sent nothing yet that a reaction could be to")
        content = KINDS["reaction"](arguments.text)
        content["reaction"]["message_id"] = shown[-1]["id"]
        return content, None
    if arguments.kind == "my-number" and not arguments.text:
        raise Refused("Give the number that is shared: say +447700900123 --as my-number --bsuid GB.…")
    if arguments.kind == "text" and not arguments.text:
        raise Refused('Say something: say "balance" --from +447700900123')
    return KINDS.get(arguments.kind, text)(arguments.text), None


# --- fault, profile --------------------------------------------------------------------------------------------------


def fault_command(arguments: argparse.Namespace, console: Console) -> int:
    """Put a fault into a service, clear one, or list those in force."""
    running = Running.find(arguments.folder)
    if arguments.service in SERVERS:
        _order(running, arguments.service, arguments.kind, console)
        return 0
    if not arguments.service:
        faults = running.world("GET", "/faults")
    elif arguments.service == "clear":
        faults = running.world("DELETE", "/faults" + (f"/{arguments.kind}" if arguments.kind else ""))
    elif not arguments.kind:
        raise Refused(f"Say what is to go wrong: fault {arguments.service} status --status 500")
    else:
        names = ("kind", "operation", "times", "status", "code", "seconds", "retry_after")
        given = {name: getattr(arguments, name) for name in names if getattr(arguments, name) is not None}
        faults = running.world("PUT", f"/faults/{arguments.service}", given)
    _show_faults(faults, console)
    return 0


def _order(running: Running, server: str, what: str | None, console: Console) -> None:
    """Kill or restore a real server: only the process that started it can."""
    if what not in ("kill", "restore"):
        raise Refused(f"Say `fault {server} kill` or `fault {server} restore`")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
        control.sendto(f"{what} {server}".encode(), running.control)
    console.print(f"{what} {server}: asked for; the terminal of `make run` says when it is done")


def _show_faults(faults: dict[str, list[dict[str, Any]]], console: Console) -> None:
    lines = [
        f"[red]{service}[/]  " + "  ".join(f"{name}={value}" for name, value in fault.items() if value)
        for service, found in faults.items()
        for fault in found
    ]
    console.print("\n".join(lines) or "No faults in force.")


def profile_command(arguments: argparse.Namespace, console: Console) -> int:
    """Show the delays in force, or change them: a whole profile or single values."""
    running = Running.find(arguments.folder)
    changes: dict[str, Any] = {"name": arguments.profile_name} if arguments.profile_name else {}
    for setting in arguments.set:
        name, separator, value = setting.partition("=")
        if not separator:
            raise Refused(f"{setting}: expected name=value, as in school_api_seconds=3")
        changes[name] = _value(value)
    profile = running.world("PUT", "/profile", changes) if changes else running.world("GET", "/profile")
    for name, value in profile.items():
        console.print(f"{name:30} [bold]{value}[/]")
    return 0


def _value(given: str) -> Any:
    """A number, true, false, or a list of words."""
    if given in ("true", "false"):
        return given == "true"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(given)
    return [word for word in given.split(",") if word]


# --- pay, kpi --------------------------------------------------------------------------------------------------------


def pay_command(arguments: argparse.Namespace, console: Console) -> int:
    """Book a payment at the simulated school, which tells the product of it."""
    running = Running.find(arguments.folder)
    event = pay(running, arguments.student, arguments.amount, arguments.term)
    console.print(f"Booked, and the notice was taken (event {event}).")
    for reply in running.world("GET", "/outbox", timeout=30, wait=15, in_reply_to=f"payment:{event}:"):
        console.print(screen.reply_bubble(reply))
        return 0
    console.print("Nobody got a receipt: no parent of this child has written within 24 hours.")
    return 0


def kpi_command(arguments: argparse.Namespace, console: Console) -> int:
    """The KPI table of what ran since the start."""
    plan = Running.find(arguments.folder).plan
    console.print(kpi.table(kpi.Collected.of(plan.log("webhook").parent), plan.school_api))
    return 0


# --- sync ------------------------------------------------------------------------------------------------------------


def sync_command(arguments: argparse.Namespace, console: Console) -> int:
    """Run the nightly sync now, and show what it saved and what a clerk has to put right."""
    from local import sync  # boto3 and SQLAlchemy would slow every other command

    running = Running.find(arguments.folder)
    if arguments.students:
        running.world("PUT", "/school-size", {"students": arguments.students})
    outcome = sync.sync(running, console)
    sync.show(outcome, sync.unusable(running), console)
    return 0 if outcome["status"] == "SUCCEEDED" else 1


# --- the command line ------------------------------------------------------------------------------------------------


def parser() -> argparse.ArgumentParser:
    root = argparse.ArgumentParser(prog="python -m local", description="The product on this machine.")
    commands = root.add_subparsers(required=True, metavar="command")

    command = commands.add_parser("run", help="start everything; Ctrl-C stops it")
    command.add_argument("--profile", default="realistic", choices=PROFILES, help="how slow the outside world is")
    command.add_argument("--today", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the date school rules go by")
    command.add_argument(
        "--school-api",
        type=SchoolApi,
        choices=list(SchoolApi),
        default=SchoolApi.REST,
        help="how accounts are fetched: two calls side by side (rest), or one to the GraphQL gateway (graph)",
    )
    command.add_argument("--config", type=Path, default=CONFIG, help="the school's folder (config); another school's")
    command.add_argument("--port", type=int, default=PORT, help=f"of the front door; the next three too ({PORT})")
    command.set_defaults(do=run)

    command = commands.add_parser("say", help="write as a parent, and see the reply and where the time went")
    command.add_argument("text", nargs="?", default="", help="the words, or the caption of what --as names")
    sender = command.add_mutually_exclusive_group(required=True)
    sender.add_argument("--from", dest="sender", type=_phone, metavar="+…", help="the parent's number")
    sender.add_argument("--bsuid", metavar="ID", help="someone who does not show their number")
    command.add_argument("--tap", metavar="CHOICE", help="tap a row or button of the last messages: its id or title")
    command.add_argument("--as", dest="kind", default="text", choices=KINDS, help="another kind of message")
    command.add_argument("--name", default="Tendai Moyo", help="the name in the parent's WhatsApp profile")
    command.add_argument("--save", type=Path, default=Path("received"), help="folder for documents (received/)")
    command.add_argument("--seconds", type=float, default=ANSWER_SECONDS, help="how long to wait for the reply")
    command.add_argument("--brief", action="store_true", help="without the waterfall")
    command.set_defaults(do=say_command)

    command = commands.add_parser(
        "fault",
        help="make a service fail while everything runs",
        epilog="fault school status --status 500 · fault graph silent --operation send --times 2 · fault redis kill · "
        "fault clear",
    )
    command.add_argument(
        "service", nargs="?", help="graph, school, openai, secrets, s3, database, redis, replica; clear"
    )
    command.add_argument("kind", nargs="?", help="status, html, silent, close, lost, slow, …; kill or restore")
    command.add_argument("--operation", help="only this one: send, typing, upload, payments, billed-fees, …")
    command.add_argument("--times", type=int, help="how often; without it until cleared")
    command.add_argument("--status", type=int, help="HTTP status, for kind status")
    command.add_argument("--code", type=int, help="WhatsApp's error code")
    command.add_argument("--seconds", type=float, help="for kind slow")
    command.add_argument("--retry-after", type=int, help="seconds in the Retry-After header")
    command.set_defaults(do=fault_command)

    command = commands.add_parser("profile", help="show or change the delays while everything runs")
    command.add_argument("profile_name", nargs="?", choices=PROFILES, metavar="name", help=", ".join(PROFILES))
    command.add_argument("--set", action="append", default=[], metavar="name=value", help="a single value")
    command.set_defaults(do=profile_command)

    command = commands.add_parser("pay", help="book a payment at the school, which tells the product")
    command.add_argument("student", metavar="id", help="the student's id")
    command.add_argument("amount", help="such as 120.00")
    command.add_argument("--term", help="the current one unless given")
    command.set_defaults(do=pay_command)

    command = commands.add_parser("sync", help="bring the school's students into the database, as every night")
    command.add_argument("--students", type=int, metavar="N", help="imagine the school with so many students first")
    command.set_defaults(do=sync_command)

    command = commands.add_parser("kpi", help="average, P95, cold starts, cache hits, feedback of what ran")
    command.set_defaults(do=kpi_command)

    for command in commands.choices.values():
        command.add_argument(
            "--folder", type=Path, default=FOLDER, help="of the run (.local); another for a second one"
        )
    return root


def _phone(given: str) -> str:
    digits = given.strip().lstrip("+").replace(" ", "")
    if not digits.isdecimal() or not 7 <= len(digits) <= 15:
        raise argparse.ArgumentTypeError(f"{given}: expected a number with its country code, as in +447700900123")
    return f"+{digits}"


def main() -> int:
    arguments = parser().parse_args()
    console = screen.console()
    try:
        return int(arguments.do(arguments, console))
    except ConfigurationError as error:
        console.print(
            "\n".join(["[red]The school's configuration has to be put right first:[/]", *map(escape, error.problems)])
        )
        return 1
    except (StackError, ServerError, PackagingError, NotRunning, Refused) as error:
        console.print(f"[red]{escape(str(error))}[/]")
        return 1
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
