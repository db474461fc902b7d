"""Byte code for Lambda's own Python, on machines that may not have that Python.

Byte code is the same for every processor but only serves the minor version that made it; any other is ignored by the
runtime, and without byte code a function starts two to three times slower. So it is made by a Python of that version
on this machine, else by one in WebAssembly (npm's `pyodide`, run by Node), else not at all, with a warning.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cache, partial
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from infra import node

HERE: Final = f"{sys.version_info.major}.{sys.version_info.minor}"
PYODIDE: Final = "3.13"  # the Python in the release of pyodide that package.json pins
SCRIPT: Final = Path(__file__).with_suffix(".mjs")


@dataclass(frozen=True)
class Compiler:
    """Writes byte code that Python does not check against its source, since zipping loses the modification times.

    `write(folder, paths of modules in it, where the folder will lie or None for where it is)`.
    """

    name: str  # the output depends on it alone
    write: Callable[[Path, Iterable[Path], str | None], None]


@cache
def compiler(minor: str) -> Compiler | None:
    """A compiler for that minor version; None if there is none, and then a warning is printed once."""
    if python := interpreter(minor):
        return Compiler(f"python {minor}", partial(_compile_with_python, python))
    if minor == PYODIDE and _has_pyodide():
        return Compiler(f"pyodide {minor}", _compile_with_pyodide)
    print(
        f"Packaging: no Python {minor} on this machine, so packages are built without byte code and functions will "
        f"start two to three times slower. Install Python {minor} (`uv python install {minor}`, pyenv, or your "
        "system's packages), or Node, and build again.",
        file=sys.stderr,
    )
    return None


# --- a Python of this machine ----------------------------------------------------------------------------------------


@cache
def interpreter(minor: str) -> Path | None:
    """A Python of that minor version that really runs (a pyenv shim may not), or None."""
    question = "import sys; print('%d.%d' % sys.version_info[:2])"
    for candidate in _candidates(minor):
        if not candidate.is_file():
            continue
        answer = subprocess.run([candidate, "-I", "-c", question], capture_output=True, text=True, check=False)
        if answer.returncode == 0 and answer.stdout.strip() == minor:
            return candidate
    return None


def _candidates(minor: str) -> Iterator[Path]:
    if minor == HERE:
        yield Path(sys.executable)
    for folder in os.get_exec_path():
        yield Path(folder) / f"python{minor}"
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    yield from sorted(pyenv.glob(f"versions/{minor}.*/bin/python{minor}"))
    found = subprocess.run(
        [find_uv_bin(), "python", "find", "--quiet", "--no-python-downloads", minor],
        capture_output=True,
        text=True,
        check=False,
    )
    if found.returncode == 0:
        yield Path(found.stdout.strip())


def _compile_with_python(python: Path, folder: Path, paths: Iterable[Path], mounted_at: str | None) -> None:
    listed = "\n".join(str(folder / path) for path in paths)
    if not listed:  # compileall takes an empty list for the whole of sys.path
        return
    moved = ["-s", str(folder), "-p", mounted_at] if mounted_at else []
    subprocess.run(
        [python, "-s", "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash", *moved, "-i", "-"],
        check=True,
        input=listed,
        text=True,
        env={"PYTHONHASHSEED": "0"},  # else the order inside sets differs from build to build
    )


# --- a Python in WebAssembly -----------------------------------------------------------------------------------------


def _has_pyodide() -> bool:
    """Whether Node can run it here; installs it if need be."""
    try:
        node.install_packages()
    except (OSError, subprocess.CalledProcessError):
        return False
    return True


def _compile_with_pyodide(folder: Path, paths: Iterable[Path], mounted_at: str | None) -> None:
    subprocess.run(
        ["node", str(SCRIPT), str(folder), mounted_at or str(folder)],
        check=True,
        input="\n".join(path.as_posix() for path in paths),
        text=True,
        env=node.environment(),
    )
