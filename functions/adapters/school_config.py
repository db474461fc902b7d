"""The school's configuration: two files, read once per process."""

import json
import os
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

from functions.domain.errors import ConfigurationError
from functions.domain.school import School, build

FOLDER = Path(__file__).parents[2] / "config"


@cache
def school() -> School:
    """The school of `config/`; raises ConfigurationError that lists every problem.

    The local stack alone sets `SCHOOL_CONFIG`, another school's folder, and `OFFICE_WHATSAPP`, the office of the
    simulated WhatsApp.
    """
    found = load(Path(os.environ.get("SCHOOL_CONFIG") or FOLDER))
    if pretended := os.environ.get("OFFICE_WHATSAPP"):
        return replace(found, office=replace(found.office, whatsapp=pretended))
    return found


def load(folder: Path) -> School:
    """The school of `school.toml` and `knowledge.json` in that folder; ConfigurationError lists every problem."""
    problems: list[str] = []
    values: Mapping[str, object] = {}
    entries: object = []
    try:
        values = tomllib.loads((folder / "school.toml").read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        problems.append(f"school.toml: {error}")
    try:
        entries = json.loads((folder / "knowledge.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        problems.append(f"knowledge.json: {error}")
    if problems:
        raise ConfigurationError(problems)
    return build(values, entries)
