"""`profile`: show or change the delays and limits of the simulated services while everything runs."""

import argparse
import contextlib
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from local.stack_client import Refused, StackClient

NAME: Final = "profile"
HELP: Final = "show or change the delays while everything runs"
PROFILES: Final = sorted(path.stem for path in (Path(__file__).parents[1] / "profiles").glob("*.toml"))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("profile_name", nargs="?", choices=PROFILES, metavar="name", help=", ".join(PROFILES))
    parser.add_argument("--set", action="append", default=[], metavar="name=value", help="a single value")


def run(arguments: argparse.Namespace, console: Console) -> int:
    running = StackClient.find(arguments.folder)
    changes: dict[str, Any] = {"name": arguments.profile_name} if arguments.profile_name else {}
    for setting in arguments.set:
        name, separator, value = setting.partition("=")
        if not separator:
            raise Refused(f"{setting}: expected name=value, as in school_api_seconds=3")
        changes[name] = parse_value(value)
    profile = running.world("PUT", "/profile", changes) if changes else running.world("GET", "/profile")
    for name, value in profile.items():
        console.print(f"{name:30} [bold]{value}[/]")
    return 0


def parse_value(text: str) -> Any:
    """A number, true, false, or a list of words."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        with contextlib.suppress(ValueError):
            return kind(text)
    return [word for word in text.split(",") if word]
