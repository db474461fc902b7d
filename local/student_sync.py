"""Runs the nightly student sync on a running stack and shows its progress and its result."""

import json
from typing import Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import create_engine, select

from functions.adapters.database.tables import unusable_records
from local.nightly_machine import run_machine
from local.stack_client import StackClient

MACHINE: Final = "student_sync"
PURGE: Final = "purge"
LONGEST_LIST: Final = 12  # records shown of each problem


def run_student_sync(running: StackClient, console: Console) -> dict[str, Any]:
    """Start it as the schedule would and wait for its end; the execution as /executions describes it."""
    size = running.world("GET", "/school-size")["students"]
    pages = -(-size // running.plan.students_per_page)
    columns = (TextColumn("[bold]page"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.fields[state]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("", total=pages, state="")

        def watch(timeline: list[dict[str, Any]]) -> None:
            saved = sum(state["name"] == "Save student page" and state["stop"] is not None for state in timeline)
            progress.update(bar, completed=saved, state=_current_state(timeline))

        return run_machine(running, MACHINE, watch)


def run_purge(running: StackClient, console: Console) -> dict[str, Any]:
    """Delete what the database keeps no longer, and say how much it was; the execution."""
    execution = run_machine(running, PURGE)
    if execution["status"] == "SUCCEEDED":
        console.print(f"Purged {execution['output']['deleted']} old records [dim](keep_days in school.toml)[/].")
    else:
        console.print(f"[red]The purge failed: {escape(str(execution['error']))}[/] {escape(_reason(execution))}")
    return execution


def _current_state(timeline: list[dict[str, Any]]) -> str:
    """The latest state; from the second attempt on, with its number."""
    if not timeline:
        return ""
    name, attempts = timeline[-1]["name"], timeline[-1]["attempts"]
    return f"{name} (attempt {attempts})" if attempts > 1 else f"{name}"


def records_to_correct(running: StackClient) -> list[dict[str, Any]]:
    """The records that a clerk has to correct: place, name, phone, problem, fix."""
    engine = create_engine(f"postgresql+pg8000://assistant@127.0.0.1:{running.plan.ports.postgres}/school")
    try:
        with engine.connect() as connection:
            query = select(unusable_records).order_by(unusable_records.c.problem, unusable_records.c.place)
            return [dict(row) for row in connection.execute(query).mappings()]
    finally:
        engine.dispose()


def show(execution: dict[str, Any], records: list[dict[str, Any]], console: Console) -> None:
    """Print what was saved, or why the run failed; then the records to correct."""
    if execution["status"] == "SUCCEEDED":
        found = execution["output"]
        console.print(
            f"[green]Saved {found['saved']} students[/]: {found['new']} new, {found['changed']} changed, "
            f"{found['deactivated']} left the school. {found['active']} are active now."
        )
        if found["shared_numbers"]:
            console.print(
                f"[yellow]{found['shared_numbers']} phone numbers are on record for students of several surnames[/]: "
                "please check them (docs/student-sync.md)."
            )
    else:
        console.print(f"[red]The sync failed: {escape(str(execution['error']))}[/] {escape(_reason(execution))}")
        console.print("What was saved stays saved; nobody was deactivated.")
    if not records:
        console.print("Every record can be used.")
        return
    console.print(f"\n[bold]{len(records)} records to correct at the school[/] [dim](table unusable_records)[/]")
    for problem in dict.fromkeys(record["problem"] for record in records):
        alike = [record for record in records if record["problem"] == problem]
        console.print(f"\n[yellow]{escape(problem)}[/] ({len(alike)}). {escape(alike[0]['fix'])}")
        table = Table(box=None, padding=(0, 2), show_header=False)
        for record in alike[:LONGEST_LIST]:
            table.add_row(*(escape(record[name]) for name in ("place", "name", "phone")))
        console.print(table)
        if len(alike) > LONGEST_LIST:
            console.print(f"  [dim]… and {len(alike) - LONGEST_LIST} more[/]")


def _reason(execution: dict[str, Any]) -> str:
    """The message of the error, without its stack trace."""
    cause = str(execution["cause"] or "")
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause
