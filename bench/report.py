"""Tables for people and the same figures as JSON; each row that has a target says whether it is met."""

import json
import platform
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final

import psutil
from rich.console import Console
from rich.table import Table as RichTable

RESULTS: Final = Path(__file__).parents[1] / ".local" / "bench"  # ignored by git
PACKAGES: Final = ("awslambdaric", "boto3", "moto", "redis", "requests", "SQLAlchemy", "openai", "reportlab")


@dataclass(frozen=True)
class Target:
    """One promise about one figure: `value` must not be above (or below) `limit`."""

    value: float
    limit: float
    unit: str = ""
    at_least: bool = False
    digits: int = 0

    @property
    def met(self) -> bool:
        return self.value >= self.limit if self.at_least else self.value <= self.limit

    def __str__(self) -> str:
        sign = "≥" if self.at_least else "≤"
        verdict = "met" if self.met else f"MISSED: {self.value:.{self.digits}f}{self.unit}"
        return f"{sign} {self.limit:g}{self.unit} {verdict}"


@dataclass
class Table:
    """Rows of texts and, for the JSON, the figures behind them."""

    title: str
    columns: Sequence[str]
    rows: list[list[str]] = field(default_factory=list)
    figures: list[dict[str, Any]] = field(default_factory=list)
    targets: list[tuple[str, Target]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, cells: Sequence[object], targets: Sequence[Target] = (), **figures: Any) -> None:
        """One row; its targets become the last cell."""
        texts = [str(cell) for cell in cells]
        if len(texts) < len(self.columns):
            texts.append("\n".join(map(str, targets)))
        self.rows.append(texts)
        self.targets += [(" ".join(texts[:3]), target) for target in targets]
        self.figures.append(figures | {"targets": [_as_json(target) for target in targets]})

    def print(self, console: Console) -> None:
        table = RichTable(title=self.title, title_justify="left", title_style="bold")
        for place, column in enumerate(self.columns):
            is_number = any(row[place][:1].isdigit() or row[place][:1] in "+−" for row in self.rows if row[place])
            table.add_column(column, justify="right" if is_number else "left")
        for row in self.rows:
            style = "red" if any("MISSED" in cell for cell in row) else None
            table.add_row(*row, style=style)
        console.print(table)
        for note in self.notes:
            console.print(f"  {note}", style="dim", highlight=False)
        console.print()

    def as_json(self) -> dict[str, Any]:
        figures = {"rows": self.figures, "notes": self.notes}
        return {"title": self.title, "columns": list(self.columns), "cells": self.rows, **figures}

    def as_markdown(self) -> str:
        """The same table for a page; lines of a cell become `<br>`."""
        lines = [list(self.columns), ["---"] * len(self.columns), *self.rows]
        rows = ["| " + " | ".join(cell.replace("\n", "<br>") for cell in line) + " |" for line in lines]
        return "\n".join([f"**{self.title}**", "", *rows, "", *self.notes])


def _as_json(target: Target) -> dict[str, Any]:
    return {
        "value": round(target.value, 4),
        "limit": target.limit,
        "at_least": target.at_least,
        "unit": target.unit.strip(),
        "met": target.met,
    }


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False, cwd=RESULTS.parents[1]
    ).stdout.strip()
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "commit": commit or "unknown",
        "python": sys.version.split()[0],
        "system": platform.platform(),
        "cores": psutil.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "load": psutil.getloadavg()[0],
        "packages": {name: version(name) for name in PACKAGES},
    }


def new_results() -> Path:
    """Where the figures of a run that begins now go."""
    return RESULTS / f"{datetime.now(UTC):%Y%m%d-%H%M%S}.json"


def save(tables: Sequence[Table], about: dict[str, Any], path: Path) -> None:
    """All tables of one run so far as JSON."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": about, "tables": [table.as_json() for table in tables]}, indent=1))


_PLACE: Final = re.compile(r"<!-- bench: (?P<title>[^>]+?) -->(?P<content>.*?)<!-- end -->", re.DOTALL)


def write_into(page: Path, table: Table, about: dict[str, Any]) -> None:
    """Put the table into its place on a Markdown page, and what it was measured on into that of `machine`.

    A place begins with `<!-- bench: <how the table's title begins> -->` and ends with `<!-- end -->`. A table that has
    none yet gets one at the end of the page.
    """
    text = page.read_text("utf-8")
    for title, content in (("machine", _described(about)), (table.title, table.as_markdown())):
        place = next((place for place in _PLACE.finditer(text) if title.startswith(place["title"])), None)
        if place is None:
            text += f"\n<!-- bench: {title.split(':')[0]} -->\n{content}\n<!-- end -->\n"
        else:
            begins, ends = place.span("content")
            text = f"{text[:begins]}\n{content}\n{text[ends:]}"
    page.write_text(text, "utf-8")


def _described(about: dict[str, Any]) -> str:
    packages = ", ".join(f"{name} {number}" for name, number in about["packages"].items())
    return (
        f"{about['at'][:10]}, commit {about['commit']}: {about['cores']} cores, {about['memory_gb']} GB, "
        f"Python {about['python']}, {about['system']}; {packages}."
    )
