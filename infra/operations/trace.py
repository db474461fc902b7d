"""`make trace`: from a message to its executions, the state that failed, and what the functions logged."""

import time
from typing import Final

from rich.console import Console
from rich.markup import escape

from infra.operations.found import Execution, Found

LONGEST_CAUSE: Final = 400


def show(id: str, found: Found, console: Console) -> int:
    """Prints what was found; 1 if nothing was."""
    if not found.executions and not found.lines:
        console.print(f"Nothing is known of {escape(id)}: see the dead-letter queues, or look back further (--hours).")
        return 1
    for execution in found.executions:
        _show_execution(execution, console)
    if found.lines:
        console.print("\nlog lines")
    for line in found.lines:
        console.print(f"  {_clock(line.time)}  {line.level:7} {line.function}: {escape(line.message)}")
    return 0


def _show_execution(execution: Execution, console: Console) -> None:
    console.print(f"{execution.machine} {execution.status}  {_clock(execution.start)}  {escape(execution.name)}")
    for state in execution.states:
        took = f"{(state.stop - state.start) * 1000:6.0f} ms" if state.stop else "  not ended"
        failed = f"  [red]{escape(state.error)}[/]" if state.error else ""
        console.print(f"  {_clock(state.start)}  {took}  {escape(state.name)}{failed}")
    if execution.error:
        console.print(f"  [red]{escape(execution.error)}[/]: {escape(execution.cause[:LONGEST_CAUSE])}")
    if execution.link:
        console.print(f"  {execution.link}")


def _clock(moment: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(moment)) + f".{round(moment % 1 * 1000) % 1000:03d}Z"
