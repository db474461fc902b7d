"""The next release, as a copy of this tree: one function, one layer, a state machine and a migration are changed."""

import re
import shutil
from pathlib import Path
from typing import Final

from infra.paths import ROOT

COPIED: Final = ("functions", "config", "infra", "local", "statemachines")
LINKED: Final = (".build", ".venv", "node_modules")
FILES: Final = ("app.py", "cdk.json", "package.json", "package-lock.json", "pyproject.toml", "requirements-local.txt")
MARK: Final = "rehearsed-release"  # in the log of the changed function, and in the comment of the state machine
LAYER: Final = "pdf"
TABLE: Final = "rehearsed_release"
MACHINE: Final = "conversation"
FUNCTION: Final = "send_reply"

MIGRATION: Final = '''"""A table of the rehearsal."""

import sqlalchemy as sa
from alembic import op

revision = "{number:04}"
down_revision = "{before}"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table("{table}", sa.Column("id", sa.Integer(), primary_key=True))
'''


def copy(folder: Path) -> Path:
    """This tree, without what is built."""
    folder.mkdir()
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in FILES:
        shutil.copy(ROOT / name, folder / name)
    for name in LINKED:
        if (ROOT / name).exists():
            (folder / name).symlink_to(ROOT / name)
    return folder


def changed(folder: Path) -> Path:
    """The next release."""
    tree = copy(folder)
    function = tree / "functions" / f"{FUNCTION}.py"
    function.write_text(function.read_text() + f'\nprint("{MARK}")\n')
    machine = tree / "statemachines" / f"{MACHINE}.asl.json"
    machine.write_text(machine.read_text().replace('"Comment": "', f'"Comment": "{MARK}. ', 1))
    layer = tree / "functions" / "layers" / f"{LAYER}.txt"
    hashes = re.search(r"--hash=sha256:[0-9a-f]{64}", layer.read_text())
    assert hashes, "a lock file without hashes"
    more = f"{hashes[0]} \\\n    --hash=sha256:{'0' * 64}"  # accepted besides the real one; another digest of the layer
    layer.write_text(layer.read_text().replace(hashes[0], more, 1))
    versions = tree / "functions" / "migrations" / "versions"
    before = sorted(path.name for path in versions.glob("[0-9]*.py"))[-1][:4]
    text = MIGRATION.format(number=int(before) + 1, before=before, table=TABLE)
    (versions / f"{int(before) + 1:04}_{TABLE}.py").write_text(text)
    return tree


def unprotected(folder: Path) -> Path:
    """This release with `protected` off, as it must be before an environment is removed."""
    tree = copy(folder)
    settings = tree / "cdk.json"
    settings.write_text(settings.read_text().replace('"environments": {', '"environments": {', 1))
    text = re.sub(r'("preset": "\w+",)', r'\1\n        "protected": false,', settings.read_text())
    settings.write_text(text)
    return tree
