"""Colours of the school's documents, and that each document loads no more than it draws with."""

import subprocess
import sys

import pytest

from functions.adapters.documents.drawing import tint
from tests.adapters.documents.reading import ROOT


def test_tint_thins_towards_white() -> None:
    assert tint("#000000", 1) == "#000000"
    assert tint("#000000", 0) == "#ffffff"
    assert tint("#ff0000", 0.5) == "#ff8080"


@pytest.mark.parametrize(
    ("module", "heavy"),
    [
        ("gate_pass", {"reportlab.platypus", "reportlab.graphics", "sqlalchemy", "boto3", "asyncio"}),
        ("statement", {"reportlab.platypus", "reportlab.graphics", "qrcode", "sqlalchemy", "boto3", "asyncio"}),
        ("pass_page", {"reportlab", "qrcode", "PIL", "sqlalchemy", "boto3", "asyncio"}),
    ],
)
def test_loads_no_more_than_it_draws_with(module: str, heavy: set[str]) -> None:
    program = f"import sys, functions.adapters.documents.{module}; print(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)
    loaded = run.stdout.split()
    assert f"functions.adapters.documents.{module}" in loaded
    assert not heavy & set(loaded)
