"""Saves students as the school has them: a page of the nightly sync, its end, or a look-up for one parent."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache as once
from typing import Any

from functions.adapters import database, observe, students
from functions.adapters.cache import Cache
from functions.adapters.school_config import school
from functions.adapters.settings import from_environment
from functions.domain.errors import InvalidRequest
from functions.domain.student_records import StudentRecord


@dataclass(frozen=True)
class Settings:
    cache_url: str
    cache_name: str
    cache_auth: str
    database_writer_url: str
    database_auth: str


@once
def settings() -> Settings:
    return from_environment(Settings)


@once
def cache() -> Cache:
    return Cache(settings().cache_url, settings().cache_auth == "iam")


@observe.measured
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """One of three:

    `{"page": 1, "records": [...], "run": null}` -> `{"saved", "new", "changed", "unusable", "run"}`, with `run` for the
    next page; `{"finish": run}` -> `{"deactivated", "active", "unusable"}`; `{"records": [...], "sender": "ZW.…"}` ->
    `{"saved", …, "written": WAL position}`. Raises DataUnavailable, and SyncIncomplete at the end of a run that saw too
    few students.
    """
    if "finish" in event:
        return finish(read_run(event["finish"]))
    records = [StudentRecord.read(item) for item in event.get("records") or []]
    return save_page(records, event) if "page" in event else save_for(str(event.get("sender") or ""), records)


def save_page(records: list[StudentRecord], event: Mapping[str, Any]) -> dict[str, Any]:
    """One page of a run; the first one begins it."""
    with database.writer() as connection:
        run = read_run(event["run"]) if event.get("run") else students.begin(connection)
        saved = students.save(connection, records, school(), event["page"], run)
        senders = students.senders_of(connection, saved.numbers)
    forget(senders)
    return counts(saved) | {"run": {"began_at": run.began_at.isoformat(), "active_before": run.active_before}}


def save_for(sender: str, records: list[StudentRecord]) -> dict[str, Any]:
    """What a look-up brought; this sender is looked up anew whether something changed or not."""
    with database.writer() as connection:
        saved = students.save(connection, records, school())
        senders = students.senders_of(connection, saved.numbers)
    return counts(saved) | {"written": forget([sender, *senders])}


def finish(run: students.Run) -> dict[str, Any]:
    """The end of a run: who was on no page has left."""
    with database.writer() as connection:
        deactivated, numbers = students.finish(connection, run)
        senders = students.senders_of(connection, numbers)
        now = students.count(connection)
    forget(senders)
    observe.count("UnusableRecords", now["unusable"])
    observe.log().info("students synced", deactivated=deactivated, active=now["active"], unusable=now["unusable"])
    return {"deactivated": deactivated, **now}


def forget(senders: list[str]) -> str | None:
    """These people's next message sees what was just written; the WAL position of it, if there is anybody."""
    if not senders:
        return None
    written = database.position()
    cache().forget_person(*senders, written=written)
    return written


def counts(saved: students.Saved) -> dict[str, int]:
    return {"saved": saved.saved, "new": saved.new, "changed": saved.changed, "unusable": saved.unusable}


def read_run(value: object) -> students.Run:
    """Back from the state machine; InvalidRequest names what is wrong."""
    try:
        if isinstance(value, Mapping):
            return students.Run(datetime.fromisoformat(value["began_at"]), int(value["active_before"]))
    except (KeyError, TypeError, ValueError):
        pass
    raise InvalidRequest("run", "an object with began_at and active_before, as the first page returned it")
