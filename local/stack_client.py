"""The client of a running stack, for the commands, the tests and the benchmark."""

import contextlib
import os
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode

from local.http_client import request, send
from local.plan import Plan

FOLDER: Final = Path(__file__).parents[1] / ".local"


class NotRunning(Exception):
    """No stack answers; the message says what to do."""


class Refused(Exception):
    """The stack rejected what it was given; the message says why."""


class StackClient:
    """The JSON pages of a running stack."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @classmethod
    def find(cls, folder: Path = FOLDER) -> Self:
        """The stack that `make run` started; NotRunning if it does not answer."""
        with contextlib.suppress(OSError, LookupError, TypeError, ValueError):  # no plan, or one of another version
            client = cls(Plan.load(folder / "plan.json"))
            if client.is_ready():
                return client
        raise NotRunning("Nothing is running here. Start it with `make run` first, and leave that terminal open.")

    @property
    def control(self) -> str:
        """The path of the Unix socket that takes orders to kill and restore servers; the system limits its length."""
        path = self.plan.folder / "control"
        return min(str(path), os.path.relpath(path), key=len)

    def is_ready(self) -> bool:
        """Whether every part answers requests."""
        parts = (self.plan.world_url, self.plan.aws_url, self.plan.lambdas_url)
        try:
            return all(request("GET", part + "/ready", timeout=5)[0] == 200 for part in parts)
        except OSError:
            return False

    def world(self, method: str, path: str, body: Any = None, timeout: float = 30, **query: object) -> Any:
        """A page of the simulated services: /outbox, /calls, /profile, /faults, /sample."""
        return self._page(self.plan.world_url, method, path, body, timeout, query)

    def aws(self, method: str, path: str, **query: object) -> Any:
        """A page of the AWS process: /executions, /queues, /pipes, /redrive."""
        return self._page(self.plan.aws_url, method, path, None, 30, query)

    def lambdas(self, method: str, path: str, body: Any = None) -> Any:
        """A page of the Lambda service: /functions, /environment."""
        return self._page(self.plan.lambdas_url, method, path, body, 30, {})

    def functions(self) -> dict[str, Any]:
        """Each function: processes, invocations, cold starts, last start, start error."""
        described: dict[str, Any] = self.lambdas("GET", "/functions")
        return described

    def executions(self, message_id: str, machine: str = "conversation") -> list[dict[str, Any]]:
        """Runs of that state machine for that message, the latest first."""
        runs = self.aws("GET", "/executions")
        return [run for run in runs if (run["machine"], run.get("message_id")) == (machine, message_id)]

    def _page(self, base: str, method: str, path: str, body: Any, timeout: float, query: dict[str, object]) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        url = f"{base}{path}?{urlencode(given)}" if given else base + path
        try:
            response = send(method, url, json=body, timeout=timeout)
        except OSError as error:
            raise NotRunning(f"The stack does not answer at {base} ({error}). Is `make run` still running?") from error
        value = response.json()
        if response.status >= 400:
            raise Refused(value.get("error") or value.get("message") or f"{method} {path} answered {response.status}")
        return value
