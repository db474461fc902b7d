"""Parts of the system taken away from a function that is about to run."""

import pytest

from local.plan import Ports
from tests.conftest import forget_everything


def dead_database() -> str:
    """The URL of a server that is not there."""
    return f"postgresql+pg8000://assistant@127.0.0.1:{Ports.free().postgres}/school"


def without_cache(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("CACHE_URL", f"redis://127.0.0.1:{Ports.free().redis}")
    forget_everything(but=["secrets"])


def without_primary(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_WRITER_URL", dead_database())
    forget_everything(but=["secrets"])


def without_replica(environment: pytest.MonkeyPatch) -> None:
    environment.setenv("DATABASE_READER_URL", dead_database())
    forget_everything(but=["secrets"])


def without_database(environment: pytest.MonkeyPatch) -> None:
    without_replica(environment)
    without_primary(environment)
