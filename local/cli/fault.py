"""`fault`: make a service fail while everything runs, clear faults, or list those in force."""

import argparse
import socket
from typing import Any, Final

from rich.console import Console

from local.stack_client import Refused, StackClient

NAME: Final = "fault"
HELP: Final = "make a service fail while everything runs"
EPILOG: Final = (
    "fault school status --status 500 · fault graph silent --operation send --times 2 · fault redis kill · fault clear"
)
SERVERS: Final = ("redis", "replica", "primary")  # real servers, which can be killed and restored
FIELDS: Final = ("kind", "operation", "times", "status", "code", "seconds", "retry_after")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "service", nargs="?", help="graph, school, openai, secrets, s3, database, redis, replica, primary; clear"
    )
    parser.add_argument("kind", nargs="?", help="status, html, silent, close, lost, slow, …; kill or restore")
    parser.add_argument("--operation", help="only this one: send, typing, upload, payments, billed-fees, …")
    parser.add_argument("--times", type=int, help="how often; without it until cleared")
    parser.add_argument("--status", type=int, help="HTTP status, for kind status")
    parser.add_argument("--code", type=int, help="WhatsApp's error code")
    parser.add_argument("--seconds", type=float, help="for kind slow")
    parser.add_argument("--retry-after", type=int, help="seconds in the Retry-After header")


def run(arguments: argparse.Namespace, console: Console) -> int:
    running = StackClient.find(arguments.folder)
    if arguments.service in SERVERS:
        _kill_or_restore(running, arguments.service, arguments.kind, console)
        return 0
    if not arguments.service:
        faults = running.world("GET", "/faults")
    elif arguments.service == "clear":
        faults = running.world("DELETE", "/faults" + (f"/{arguments.kind}" if arguments.kind else ""))
    elif not arguments.kind:
        raise Refused(f"The kind of fault is missing, as in: fault {arguments.service} status --status 500")
    else:
        given = {name: getattr(arguments, name) for name in FIELDS if getattr(arguments, name) is not None}
        faults = running.world("PUT", f"/faults/{arguments.service}", given)
    _show(faults, console)
    return 0


def _kill_or_restore(running: StackClient, server: str, action: str | None, console: Console) -> None:
    """Ask the process of `run`, since only the parent of a server can do it."""
    if action not in ("kill", "restore"):
        raise Refused(f"Expected `fault {server} kill` or `fault {server} restore`")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
        control.sendto(f"{action} {server}".encode(), running.control)
    console.print(f"{action} {server}: requested; the terminal of `make run` reports when it is done")


def _show(faults: dict[str, list[dict[str, Any]]], console: Console) -> None:
    lines = [
        f"[red]{service}[/]  " + "  ".join(f"{name}={value}" for name, value in fault.items() if value)
        for service, found in faults.items()
        for fault in found
    ]
    console.print("\n".join(lines) or "No faults in force.")
