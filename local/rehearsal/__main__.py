"""`python -m local.rehearsal --env dev`: deploys into an emulated account, and looks at what answers."""

import argparse
import shutil
import sys
from pathlib import Path

from rich.console import Console

from infra import node
from infra.paths import ROOT
from local.rehearsal.run import main

FOLDER = ROOT / ".local" / "rehearsal"


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="python -m local.rehearsal", description="Rehearses a deployment.")
    made.add_argument("--env", default="dev", help="an environment of cdk.json (%(default)s)")
    made.add_argument("--first-only", action="store_true", help="without the next release and the removal")
    made.add_argument("--folder", type=Path, default=FOLDER, help="of the run; emptied first")
    return made


if __name__ == "__main__":
    arguments = parser().parse_args()
    shutil.rmtree(arguments.folder, ignore_errors=True)
    arguments.folder.mkdir(parents=True)
    node.install_packages()
    sys.exit(main(arguments.env, arguments.folder.resolve(), Console(), releases=not arguments.first_only))
