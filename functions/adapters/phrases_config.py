"""The phrases that parents use, read once per process."""

import tomllib
from functools import cache
from pathlib import Path

from functions.adapters.school_config import school, school_folder
from functions.domain.errors import ConfigurationError
from functions.domain.phrases import Phrases, build


@cache
def phrases() -> Phrases:
    """The phrases of `config/phrases.toml`; raises ConfigurationError that lists every problem."""
    return load(school_folder(), school().assistant)


def load(folder: Path, assistant: str) -> Phrases:
    """The phrases of that folder's `phrases.toml`; raises ConfigurationError that lists every problem."""
    try:
        values = tomllib.loads((folder / "phrases.toml").read_text("utf-8"))
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"phrases.toml: {error}"]) from error
    return build(values, assistant)
