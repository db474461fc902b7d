"""A function's settings: a frozen dataclass filled from the environment, every missing one named at once."""

import os
from collections.abc import Mapping
from dataclasses import fields
from typing import TypeVar

from functions.domain.errors import ConfigurationError

Settings = TypeVar("Settings")


def from_environment(kind: type[Settings], environment: Mapping[str, str] | None = None) -> Settings:
    """Fill the dataclass `kind` from variables named as its fields in capitals; `str` and `int` fields.

    Raises ConfigurationError that names each missing or unreadable variable.
    """
    source = os.environ if environment is None else environment
    values: dict[str, object] = {}
    problems = []
    for item in fields(kind):  # type: ignore[arg-type]
        name = item.name.upper()
        raw = source.get(name, "")
        if not raw:
            problems.append(f"{name}: missing")
        elif item.type is int and not raw.lstrip("-").isdigit():
            problems.append(f"{name}: expected a whole number")
        else:
            values[item.name] = int(raw) if item.type is int else raw
    if problems:
        raise ConfigurationError(problems)
    return kind(**values)


def variables_of(kind: type[object]) -> tuple[str, ...]:
    """The environment variables that a settings dataclass reads."""
    return tuple(item.name.upper() for item in fields(kind))  # type: ignore[arg-type]
