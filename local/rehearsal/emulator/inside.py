"""Runs in the process of a function, before AWS's runtime client: the names and the network that it has on AWS.

`python -m inside <handler>`. The standard library alone. Host names lead to the emulator; a name that the function's
side of the network does not reach is refused. What it looked up, and which variables it missed, is written down.
"""

import json
import os
import runpy
import socket
import ssl
import sys
from fnmatch import fnmatchcase
from typing import Any

SETTINGS: dict[str, Any] = json.loads(os.environ.pop("REHEARSAL"))


def note(kind: str, **values: Any) -> None:
    """One line; appending is atomic."""
    line = json.dumps({"function": SETTINGS["function"], "kind": kind, **values}) + "\n"
    file = os.open(SETTINGS["notes"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    os.write(file, line.encode())
    os.close(file)


def reach_the_emulator() -> None:
    """Host names lead to the ports of the emulator, for the hosts that this side of the network reaches."""
    seen: set[tuple[str, int]] = set()

    def lookup(host: Any, port: Any, *more: Any, **options: Any) -> list[Any]:
        name, number = host.decode() if isinstance(host, bytes) else str(host), int(port or 0)
        for pattern, service_port, local_port in SETTINGS["routes"]:
            if number == service_port and fnmatchcase(name, pattern):
                if (name, number) not in seen:
                    seen.add((name, number))
                    note("connected", host=name, port=number)
                return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", local_port))]
        note("unreachable", host=name, port=number)
        raise socket.gaierror(socket.EAI_AGAIN, f"no way to {name}:{number} from here")

    socket.getaddrinfo = lookup


def trust_the_emulator() -> None:
    """The emulator's certificates are trusted wherever any authority is."""
    load = ssl.SSLContext.load_verify_locations

    def load_and_add(self: ssl.SSLContext, cafile: Any = None, capath: Any = None, cadata: Any = None) -> None:
        load(self, cafile, capath, cadata)
        load(self, cafile=SETTINGS["authority"])

    defaults = ssl.SSLContext.load_default_certs

    def load_defaults_and_add(self: ssl.SSLContext, *purpose: Any) -> None:
        defaults(self, *purpose)
        load(self, cafile=SETTINGS["authority"])

    ssl.SSLContext.load_verify_locations = load_and_add  # type: ignore[method-assign]
    ssl.SSLContext.load_default_certs = load_defaults_and_add  # type: ignore[method-assign, assignment]


def note_missing_variables() -> None:
    """A variable that our code demands and that is not set."""
    before = type(os.environ)

    class Environment(before):  # type: ignore[misc, valid-type]
        def __getitem__(self, name: str) -> str:
            try:
                return str(super().__getitem__(name))
            except KeyError:
                if sys._getframe(1).f_code.co_filename.startswith(SETTINGS["code"]):
                    note("unset", name=name)
                raise

    os.environ.__class__ = Environment


if __name__ == "__main__":
    reach_the_emulator()
    trust_the_emulator()
    note_missing_variables()
    sys.path.insert(0, SETTINGS["code"])
    runpy.run_module("awslambdaric", run_name="__main__", alter_sys=True)
