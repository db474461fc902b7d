"""What can be changed in the world around the product, while everything runs: delays, faults, servers, pipes, data."""

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from local.console.condition import KINDS, NAMES, SERVERS
from local.http_client import send
from local.nightly_machine import start_machine
from local.payments import book_payment
from local.school_date import age_accounts, change_today
from local.stack_client import Refused, StackClient
from local.student_sync import MACHINE as STUDENT_SYNC
from local.world.faults import OPENAI_KINDS
from local.world.profile import FOLDER as PROFILES

# Setting of the profile -> (label, the slider's maximum in seconds).
DELAYS: Final = {
    "school_api_seconds": ("School's API", 10),
    "openai_seconds": ("OpenAI", 15),
    "whatsapp_seconds": ("WhatsApp", 5),
    "secrets_seconds": ("Secrets Manager", 5),
    "database_connect_seconds": ("Database connection", 5),
    "s3_put_seconds": ("S3 upload", 5),
    "delivered_seconds": ("Delivery status", 10),
}
SLOW: Final = {
    "school_api_seconds": 6.0,
    "openai_seconds": 8.0,
    "whatsapp_seconds": 2.0,
    "secrets_seconds": 3.0,
    "database_connect_seconds": 2.0,
    "s3_put_seconds": 1.5,
}


@dataclass(frozen=True)
class Preset:
    """A state of the world by name: a profile, single delays, faults."""

    label: str
    explanation: str
    profile: Mapping[str, Any]
    faults: Mapping[str, Mapping[str, Any]]


def presets() -> dict[str, Preset]:
    """The profiles of local/profiles/, and two that are worth seeing."""
    texts = {
        "realistic": "the delays of the project plan",
        "observed": "as timed in December 2025",
        "zero": "what remains is the product's own time",
    }
    found = {
        path.stem: Preset(path.stem, texts.get(path.stem, "profile"), {"name": path.stem}, {})
        for path in sorted(
            PROFILES.glob("*.toml"), key=lambda path: list(texts).index(path.stem) if path.stem in texts else 9
        )
    }
    down: dict[str, Mapping[str, Any]] = {"school": {"kind": "status", "status": 500}}
    return found | {
        "school_down": Preset("school is down", "its API answers 500", {"name": "realistic"}, down),
        "slow": Preset("everything is slow", "all services at once", {"name": "realistic", **SLOW}, {}),
    }


def apply_preset(running: StackClient, name: str) -> str:
    found = presets()
    if name not in found:
        raise Refused(f"preset: expected one of {', '.join(found)}")
    preset = found[name]
    running.world("DELETE", "/faults")
    running.world("PUT", "/profile", dict(preset.profile))
    for service, fault in preset.faults.items():
        running.world("PUT", f"/faults/{service}", dict(fault))
    return f"Now: {preset.label}, {preset.explanation}."


def set_fault(running: StackClient, service: str, kind: str) -> str:
    """Switch a fault of a service on; kind "" switches it off."""
    running.world("DELETE", f"/faults/{service}")
    if not kind:
        return f"{NAMES.get(service, service)} works again."
    fault: dict[str, Any] = {"kind": kind}
    if kind == "status":
        fault["status"] = 500
    if kind == "slow":
        fault["seconds"] = 3
    running.world("PUT", f"/faults/{service}", fault)
    explanation = KINDS[kind][1] if kind in KINDS else OPENAI_KINDS.get(kind, kind)
    return f"{NAMES.get(service, service)}: {explanation}."


def order_server(running: StackClient, server: str, action: str) -> str:
    """Ask the process of `make run`, since only the parent of a server can kill and restore it."""
    if server not in SERVERS or action not in ("kill", "restore"):
        raise Refused(f"server: expected {', '.join(SERVERS)}; action: kill or restore")
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as control:
        try:
            control.sendto(f"{action} {server}".encode(), running.control)
        except OSError as error:
            raise Refused("Only `make run` can kill and restore servers; this stack was started otherwise.") from error
    return f"{SERVERS[server]}: {'killed' if action == 'kill' else 'starting'}."


def order_pipe(running: StackClient, machine: str, action: str) -> str:
    running.aws("POST", f"/pipes/{machine}/{action}")
    return f"The pipe of {machine} is {'paused: messages wait in the queue' if action == 'stop' else 'running'}."


# --- the actions of the page -----------------------------------------------------------------------------------------

Fields = Mapping[str, str]


def _field(fields: Fields, name: str) -> str:
    return fields.get(name, "")


def _number(fields: Fields, name: str) -> float:
    try:
        return float(fields.get(name, ""))
    except ValueError:
        raise Refused(f"{name}: expected a number") from None


def _change_delay(running: StackClient, fields: Fields) -> str:
    name = _field(fields, "name")
    if name not in DELAYS:
        raise Refused(f"name: expected one of {', '.join(DELAYS)}")
    value = running.world("PUT", "/profile", {name: _number(fields, "value")})[name]
    return f"{DELAYS[name][0]}: {value:g} s."


def _kill_processes(running: StackClient, fields: Fields) -> str:
    name = _field(fields, "name")
    send("POST", f"{running.plan.lambdas_url}/functions/{name}/reset")
    return f"The processes of {name} were killed: its next call is a cold start."


def _book_payment(running: StackClient, fields: Fields) -> str:
    event = book_payment(running, _field(fields, "student"), _field(fields, "amount"))
    return f"Booked; the notice was accepted (event {event})."


def _age_accounts(running: StackClient, fields: Fields) -> str:
    seconds = int(_number(fields, "seconds"))
    return f"{age_accounts(running, seconds)} cached accounts are {round(seconds / 60)} minutes older now."


def _change_today(running: StackClient, fields: Fields) -> str:
    text = _field(fields, "date")
    try:
        return change_today(running, date.fromisoformat(text) if text else None)
    except ValueError:
        raise Refused("date: expected a date as 2026-11-23") from None


# Name -> what it does with the fields of its form; the answer says what was done.
ACTIONS: Final[Mapping[str, Callable[[StackClient, Fields], str]]] = {
    "preset": lambda running, fields: apply_preset(running, _field(fields, "name")),
    "delay": _change_delay,
    "fault": lambda running, fields: set_fault(running, _field(fields, "service"), _field(fields, "kind")),
    "server": lambda running, fields: order_server(running, _field(fields, "name"), _field(fields, "action")),
    "pipe": lambda running, fields: order_pipe(running, _field(fields, "name"), _field(fields, "action")),
    "function": _kill_processes,
    "payment": _book_payment,
    "age": _age_accounts,
    "today": _change_today,
    "redrive": lambda running, _: f"{running.aws('POST', '/redrive')['moved']} dead letters are back in their queues.",
    "sync": lambda running, _: f"The student sync has started: run {start_machine(running, STUDENT_SYNC)}.",
}
