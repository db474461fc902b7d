"""The packages for Lambda at synth: built only if something changed, their zipped sizes printed."""

import json
import sys
from pathlib import Path

from infra.packaging import LAMBDA, build_all, size_table, zipped_size
from infra.paths import BUILD


def lambda_packages() -> dict[str, Path]:
    """Name -> folder of every layer and of the code."""
    packages = build_all(LAMBDA)
    print(size_table({name: _size(folder) for name, folder in packages.items()}), file=sys.stderr)
    return packages


def _size(folder: Path) -> int:
    """Zipped bytes, cached in a file: zipping takes seconds, and a folder's name changes with its content."""
    memory = BUILD / "zipped-sizes.json"
    known: dict[str, int] = json.loads(memory.read_text()) if memory.exists() else {}
    if folder.name not in known:
        known[folder.name] = zipped_size(folder)
        memory.write_text(json.dumps(known))
    return known[folder.name]
