"""`run`: start everything, show how to use it, and wait for Ctrl-C."""

import argparse
import contextlib
import os
import signal
import socket
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from functions.adapters import phrases_config
from functions.adapters.school_config import FOLDER as CONFIG
from functions.adapters.school_config import load
from functions.domain.school import School
from infra.catalog import SchoolApi
from local.child import ServerError
from local.cli.profile import PROFILES
from local.plan import Plan, Ports
from local.school_date import day_inside_a_term, real_date
from local.stack import Stack, StackError
from local.stack_client import NotRunning, StackClient

NAME: Final = "run"
HELP: Final = "start everything; Ctrl-C stops it"
PORT: Final = 8080

# Variables of the environment that replace a simulated service by the real one -> fields of the plan.
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


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--profile", default="realistic", choices=PROFILES, help="how slow the outside world is")
    parser.add_argument("--today", type=date.fromisoformat, metavar="YYYY-MM-DD", help="the date school rules go by")
    parser.add_argument(
        "--school-api",
        type=SchoolApi,
        choices=list(SchoolApi),
        default=SchoolApi.REST,
        help="how accounts are fetched: two calls side by side (rest), or one to the GraphQL gateway (graph)",
    )
    parser.add_argument("--config", type=Path, default=CONFIG, help="the school's folder (config); another school's")
    parser.add_argument("--port", type=int, default=PORT, help=f"of the HTTP API; the next three too ({PORT})")


def real_services(environment: Mapping[str, str]) -> tuple[dict[str, str], list[str]]:
    """Settings of the plan and names of the services whose real credentials are in the environment."""
    settings: dict[str, str] = {}
    names = []
    for name, variables in REAL_SERVICES.items():
        if all(environment.get(variable) for variable in variables):
            settings |= {field: environment[variable] for variable, field in variables.items()}
            settings |= REAL_ADDRESSES.get(name, {})
            names.append(name)
    return settings, names


def ports_from(first: int) -> Ports:
    """Four ports in a row for the parts that people use, free ones for the rest."""
    names = ("http_api", "world", "aws", "lambdas")
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
    with contextlib.suppress(NotRunning):
        running = StackClient.find(arguments.folder)
        raise StackError(
            f"It is already running at {running.plan.public_url}. Stop it with Ctrl-C in its terminal first."
        )
    school = load(arguments.config)
    phrases_config.load(
        arguments.config, school.assistant
    )  # before anything starts, so that its errors are shown first
    settings, real = real_services(os.environ)
    options: dict[str, Any] = {
        "profile": arguments.profile,
        "today": arguments.today,
        "school_api": arguments.school_api,
        "config": arguments.config.absolute(),
        **settings,
    }
    plan = Plan.create(arguments.folder.absolute(), ports_from(arguments.port), **options)
    _stop_on_signals()
    console.print(f"Starting, with the delays of profile [bold]{plan.profile}[/] …")
    with contextlib.ExitStack() as stack_is_up:
        with console.status("…"):  # moves while a part starts
            stack = stack_is_up.enter_context(
                Stack(plan, lambda what, seconds: console.print(f"  [green]✓[/] {seconds:5.1f} s  {what}"))
            )
        for name, why in stack.start_errors().items():
            console.print(f"  [red]✗ function {name} cannot start:[/] {escape(why)}")
        show_how_to_use(StackClient(plan), real, stack.megabytes(), console)
        warn_of_holidays(school, arguments.today, console)
        with contextlib.suppress(SystemExit):
            watch(stack, console)
        console.print("Stopping …")
    console.print("Stopped; nothing is left running.")
    return 0


def _stop_on_signals() -> None:
    """The first signal stops the run in order, at any moment; further ones are ignored."""
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def leave(*_: object) -> None:
        for number in numbers:
            signal.signal(number, signal.SIG_IGN)
        raise SystemExit(0)

    for number in numbers:
        signal.signal(number, leave)


def watch(stack: Stack, console: Console) -> None:
    """Check the parts until stopped, and kill or restore a server when the command `fault` asks for it."""
    address = StackClient(stack.plan).control
    Path(address).unlink(missing_ok=True)
    commands: dict[str, Callable[[], object]] = {
        "kill redis": stack.redis.kill,
        "restore redis": stack.redis.__enter__,  # starts it and waits until it serves
        "kill replica": stack.postgres.kill_replica,
        "restore replica": stack.postgres.start_replica,
        "kill primary": stack.postgres.kill_primary,
        "restore primary": stack.postgres.start_primary,
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


def show_how_to_use(running: StackClient, real: list[str], megabytes: int, console: Console) -> None:
    """Addresses, and parents to write as."""
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
        "console": f"{plan.public_url}/",
        "webhook": f"{plan.public_url}/webhook",
        "verify token": plan.verify_token if "WhatsApp" not in real else "yours",
        "app secret": plan.app_secret if "WhatsApp" not in real else "yours",
        "messages sent": f"{plan.world_url}/outbox",
        "calls to services": f"{plan.world_url}/calls",
        "executions": f"{plan.aws_url}/executions",
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
    if plan.simulates_whatsapp:
        console.print(
            "\nThe office's phone: [bold]inbox --office --follow[/] shows what it receives, "
            '[bold]say "…" --office[/] writes from it.'
        )
    first = next(parent["phone"] for parent in sample if parent["phone"])
    console.print(
        f"\nReady ({megabytes} MB). Open [bold]{plan.public_url}/[/] in a browser; or, in another terminal:\n"
        f'  [bold].venv/bin/python -m local say "hi" --from {first}[/]\nCtrl-C stops everything.'
    )


def warn_of_holidays(school: School, today: date | None, console: Console) -> None:
    """Say that outside a term nobody gets a gate pass, whatever the list of parents says."""
    day = today or real_date(school)
    if inside := day_inside_a_term(school, day):
        console.print(
            f"[yellow]{day} is in the holidays, when there are no gate passes. "
            f'To try them: make run ARGS="--today {inside}"[/]'
        )
