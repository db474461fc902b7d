"""What a running local stack knows of one message: its page of executions, and the log file of each function."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from functions.domain.digests import digest
from infra.operations.cloud_logs import names_in_logs
from infra.operations.found import Execution, Found, LogLine, State
from infra.operations.log_lines import parse
from local.plan import LOG_KEY
from local.stack_client import StackClient

PARTS: Final = frozenset({"aws", "world", "lambda_service", "database_proxy", "postgres", "replica", "redis"})


class LocalLogs:
    """The stack of `make run`."""

    def __init__(self, folder: Path) -> None:
        self._running = StackClient.find(folder)

    def find(self, id: str) -> Found:
        """`id`: of a message or notice, or the digest that stands for it in the functions' logs."""
        runs = self._running.aws("GET", "/executions")
        executions = [self._execution(run) for run in runs if id in _names(run)]
        return Found(list(reversed(executions)), self._lines(names_in_logs(id, LOG_KEY)))

    def _execution(self, run: dict[str, Any]) -> Execution:
        return Execution(
            name=run["name"],
            machine=run["machine"],
            status=run["status"],
            start=run["start"],
            states=[
                State(state["name"], state["start"], state["stop"], state["error"] or "") for state in run["timeline"]
            ],
            error=run["error"] or "",
            cause=run["cause"] or "",
            link=f"{self._running.plan.aws_url}/executions/{run['name']}",
        )

    def _lines(self, names: Sequence[str]) -> list[LogLine]:
        found = []
        for log in (self._running.plan.folder / "logs").glob("*.log"):
            if log.stem not in PARTS:
                texts = [
                    text
                    for text in log.read_text("utf-8", "replace").splitlines()
                    if any(name in text for name in names)
                ]
                found += [line for text in texts if (line := parse(text, log.stem))]
        return sorted(found, key=lambda line: line.time)


def _names(run: dict[str, Any]) -> tuple[str | None, ...]:
    """What an execution can be asked for by: its own name, its message's id, and that one's digest."""
    message = run.get("message_id")
    return (run["name"], message, digest(message, LOG_KEY) if message else None)
