"""Runs the student sync on the running stack, with what the console would show of it."""

import json
import time
from typing import Any, Final
from uuid import uuid4

import boto3
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from sqlalchemy import create_engine, select

from functions.adapters.database.tables import unusable_records
from local.plan import REGION
from local.running import Running
from local.state_machines import machine_arn

MACHINE: Final = "student_sync"
CREDENTIALS: Final = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
LONGEST_LIST: Final = 12  # records shown of each problem


def sync(running: Running, console: Console) -> dict[str, Any]:
    """Start it as the scheduler would, and wait; the execution as /executions describes it."""
    name = f"by-hand-{uuid4().hex[:8]}"
    size = running.world("GET", "/school-size")["students"]
    pages = -(-size // running.plan.students_per_page)
    states = boto3.client("stepfunctions", endpoint_url=running.plan.aws_url, region_name=REGION, **CREDENTIALS)
    states.start_execution(stateMachineArn=machine_arn(MACHINE), name=name)
    columns = (TextColumn("[bold]page"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.fields[doing]}"))
    with Progress(*columns, TimeElapsedColumn(), console=console) as progress:
        bar = progress.add_task("", total=pages, doing="")
        while True:
            execution: dict[str, Any] = running.aws("GET", f"/executions/{name}")
            timeline = execution["timeline"]
            saved = sum(state["name"] == "Save students" and state["stop"] is not None for state in timeline)
            progress.update(bar, completed=saved, doing=_doing(timeline))
            if execution["status"] != "RUNNING":
                return execution
            time.sleep(0.1)


def _doing(timeline: list[dict[str, Any]]) -> str:
    """The state that it is in; from the second try on, which."""
    if not timeline:
        return ""
    name, attempts = timeline[-1]["name"], timeline[-1]["attempts"]
    return f"{name} (try {attempts})" if attempts > 1 else f"{name}"


def unusable(running: Running) -> list[dict[str, Any]]:
    """The records that a clerk has to put right: place, name, phone, problem, fix."""
    engine = create_engine(f"postgresql+pg8000://assistant@127.0.0.1:{running.plan.ports.postgres}/school")
    try:
        with engine.connect() as connection:
            query = select(unusable_records).order_by(unusable_records.c.problem, unusable_records.c.place)
            return [dict(row) for row in connection.execute(query).mappings()]
    finally:
        engine.dispose()


def show(execution: dict[str, Any], records: list[dict[str, Any]], console: Console) -> None:
    """What was saved, or why the run failed; then what to put right at the school."""
    if execution["status"] == "SUCCEEDED":
        found = execution["output"]
        console.print(
            f"[green]Saved {found['saved']} students[/]: {found['new']} new, {found['changed']} changed, "
            f"{found['deactivated']} left the school. {found['active']} are active now."
        )
    else:
        console.print(f"[red]The sync failed: {escape(str(execution['error']))}[/] {escape(_why(execution))}")
        console.print("What was saved stays saved; nobody was deactivated.")
    if not records:
        console.print("Every record can be used.")
        return
    console.print(f"\n[bold]{len(records)} records to put right at the school[/] [dim](table unusable_records)[/]")
    for problem in dict.fromkeys(record["problem"] for record in records):
        alike = [record for record in records if record["problem"] == problem]
        console.print(f"\n[yellow]{escape(problem)}[/] ({len(alike)}). {escape(alike[0]['fix'])}")
        table = Table(box=None, padding=(0, 2), show_header=False)
        for record in alike[:LONGEST_LIST]:
            table.add_row(*(escape(record[name]) for name in ("place", "name", "phone")))
        console.print(table)
        if len(alike) > LONGEST_LIST:
            console.print(f"  [dim]… and {len(alike) - LONGEST_LIST} more[/]")


def _why(execution: dict[str, Any]) -> str:
    """The message of the error, without where in the code it was raised."""
    cause = str(execution["cause"] or "")
    try:
        return str(json.loads(cause)["errorMessage"])
    except (ValueError, KeyError, TypeError):
        return cause
