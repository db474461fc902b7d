"""In which state the world around the product is: delays, faults, servers, queues, pipes and functions."""

import socket
from collections.abc import Mapping
from typing import Any, Final

from infra.catalog import MACHINES
from local.stack_client import StackClient
from local.world.faults import OPENAI_KINDS, OPERATIONS

# Kind of fault -> (label of the switch, what it does).
KINDS: Final = {
    "status": ("errors", "answers HTTP 500"),
    "silent": ("silent", "never answers"),
    "html": ("HTML", "a proxy's page instead of JSON"),
    "lost": ("lost", "does what was asked, then closes the connection"),
    "slow": ("+ 3 s", "answers three seconds later"),
}
STORE_KINDS: Final = ("status", "silent", "slow")  # that make sense for services which are no HTTP APIs of others
STORES: Final = ("secrets", "s3", "database")
NAMES: Final = {
    "graph": "WhatsApp",
    "school": "School's API",
    "openai": "OpenAI",
    "secrets": "Secrets Manager",
    "s3": "S3",
    "database": "Database, new connections",
}
SERVERS: Final = {"primary": "PostgreSQL primary", "replica": "PostgreSQL replica", "redis": "Redis"}


def switches() -> list[dict[str, Any]]:
    """Each service with the kinds of faults that it can have."""
    return [
        {
            "service": service,
            "name": NAMES.get(service, service),
            "kinds": [(kind, *KINDS[kind]) for kind in KINDS if service not in STORES or kind in STORE_KINDS],
            "more": list(OPENAI_KINDS.items()) if service == "openai" else [],
        }
        for service in OPERATIONS
    ]


def condition(running: StackClient) -> dict[str, Any]:
    """Delays, faults, servers, queues, pipes and functions at this moment."""
    ports = running.plan.ports
    servers = {"primary": ports.postgres, "replica": ports.replica, "redis": ports.redis}
    functions = running.functions()
    faults = running.world("GET", "/faults")
    return {
        "today": running.world("GET", "/today")["today"],
        "profile": running.world("GET", "/profile"),
        "faults": {service: [fault["kind"] for fault in found] for service, found in faults.items() if found},
        "labels": {kind: label for kind, (label, _) in KINDS.items()} | dict.fromkeys(OPENAI_KINDS, "odd answers"),
        "explained": {kind: explanation for kind, (_, explanation) in KINDS.items()} | OPENAI_KINDS,
        "servers": {name: _listens(port) for name, port in servers.items()},
        "queues": running.aws("GET", "/queues"),
        "pipes": running.aws("GET", "/pipes"),
        "functions": {name: about for name, about in functions.items() if about["invocations"] or about["processes"]},
        "broken_functions": [name for name, about in functions.items() if about["start_error"]],
        "machines": [machine.name for machine in MACHINES],
    }


def troubles(found: Mapping[str, Any]) -> list[str]:
    """What does not work at this moment, in words."""
    return [
        *(
            f"{NAMES.get(service, service)}: {', '.join(found['explained'].get(kind, kind) for kind in kinds)}"
            for service, kinds in found["faults"].items()
        ),
        *(f"{SERVERS[name]} is down" for name, is_up in found["servers"].items() if not is_up),
        *(f"the pipe of {name} is paused" for name, paused in found["pipes"].items() if paused),
        *(f"function {name} cannot start" for name in found["broken_functions"]),
    ]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex(("127.0.0.1", port)) == 0
