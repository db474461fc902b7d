"""The stack that runs now, as the commands, the tests and the benchmark talk to it."""

import contextlib
import http.client
import json
import os
from pathlib import Path
from typing import Any, Final, Self
from urllib.parse import urlencode, urlsplit

from local.plan import Plan

FOLDER: Final = Path(__file__).parents[1] / ".local"


class NotRunning(Exception):
    """No stack answers; the message says what to do."""


class Refused(Exception):
    """A page did not take what it was given; the message says why."""


class Running:
    """A running stack's pages, as JSON."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan

    @classmethod
    def find(cls, folder: Path = FOLDER) -> Self:
        """The stack that `make run` started; NotRunning if it does not answer."""
        with contextlib.suppress(OSError, LookupError, TypeError, ValueError):  # none, or one of an older version
            running = cls(Plan.load(folder / "plan.json"))
            if running.answers():
                return running
        raise NotRunning("Nothing is running here. Start it with `make run` first, and leave that terminal open.")

    @property
    def control(self) -> str:
        """The socket through which a server is killed and brought back. An address of one has to be short."""
        path = self.plan.folder / "control"
        return min(str(path), os.path.relpath(path), key=len)

    def answers(self) -> bool:
        """Whether every part takes requests."""
        parts = (self.plan.world_url, self.plan.aws_url, self.plan.lambdas_url)
        try:
            return all(request("GET", part + "/ready", timeout=5)[0] == 200 for part in parts)
        except OSError:
            return False

    def world(self, method: str, path: str, body: Any = None, timeout: float = 30, **query: object) -> Any:
        """A page of the simulated outside world: /outbox, /calls, /profile, /faults, /sample."""
        return self._page(self.plan.world_url, method, path, body, timeout, query)

    def aws(self, method: str, path: str, **query: object) -> Any:
        """A page of AWS's: /executions, /queues, /redrive."""
        return self._page(self.plan.aws_url, method, path, None, 30, query)

    def functions(self) -> dict[str, Any]:
        """Each function: processes, invocations, cold starts, last start, why it does not start."""
        described: dict[str, Any] = self._page(self.plan.lambdas_url, "GET", "/functions", None, 30, {})
        return described

    def executions(self, message_id: str) -> list[dict[str, Any]]:
        """Runs of the conversation for that message, the latest first."""
        return [run for run in self.aws("GET", "/executions") if run.get("message_id") == message_id]

    def _page(self, base: str, method: str, path: str, body: Any, timeout: float, query: dict[str, object]) -> Any:
        given = {name: value for name, value in query.items() if value is not None}
        url = f"{base}{path}?{urlencode(given)}" if given else base + path
        try:
            status, content = request(method, url, None if body is None else json.dumps(body).encode(), timeout=timeout)
        except OSError as error:
            raise NotRunning(f"The stack does not answer at {base} ({error}). Is `make run` still running?") from error
        value = json.loads(content)
        if status >= 400:
            raise Refused(value.get("error") or value.get("message") or f"{method} {path} answered {status}")
        return value


def request(
    method: str, url: str, body: bytes | None = None, headers: dict[str, str] | None = None, timeout: float = 30
) -> tuple[int, bytes]:
    """Status and content; OSError if nobody answers."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=timeout)
    try:
        target = f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"
        connection.request(method, target, body, headers or {})
        response = connection.getresponse()
        return response.status, response.read()
    except http.client.HTTPException as error:
        raise OSError(str(error) or type(error).__name__) from error
    finally:
        connection.close()
