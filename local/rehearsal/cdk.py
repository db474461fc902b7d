"""Runs the pinned CDK CLI, as it is, against the emulated account."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

from infra import node
from infra.paths import ROOT
from local.plan import ACCOUNT, REGION, Plan

SECONDS: Final = 600
CLI: Final = node.MODULES / "aws-cdk" / "bin" / "cdk"


class CdkFailed(Exception):
    """The CLI ended with an error; the text is the end of its output."""


class Cdk:
    """The CLI for one environment."""

    def __init__(self, plan: Plan, env: str, log: Path) -> None:
        self._plan, self._env, self._log = plan, env, log

    def bootstrap(self) -> None:
        # From a folder without cdk.json: the account needs no synth.
        self._run(self._plan.folder, "bootstrap", f"aws://{ACCOUNT}/{REGION}", app=False)

    def deploy(self, tree: Path = ROOT) -> None:
        """Everything, as that source tree has it."""
        self._run(tree, "deploy", "--all", "--require-approval", "never", "--ci")

    def destroy(self, *stacks: str) -> None:
        self._run(ROOT, "destroy", *(stacks or ("--all",)), "--force")

    def _run(self, tree: Path, *arguments: str, app: bool = True) -> None:
        environment = node.environment() | {
            "AWS_ENDPOINT_URL": self._plan.aws_url,
            "AWS_REGION": REGION,
            "AWS_ACCESS_KEY_ID": "operator",
            "AWS_SECRET_ACCESS_KEY": "operator",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
            "PYTHONPATH": str(tree),
        }
        given = ["--no-notices"]
        if app:
            output = self._plan.folder / f"cdk.out-{tree.name}"
            program = f"{sys.executable} -m local.rehearsal.app"
            given += ["--app", program, "--output", str(output), "-c", f"env={self._env}"]
        command = ["node", str(CLI), arguments[0], *given, *arguments[1:]]
        start = self._log.stat().st_size if self._log.exists() else 0
        with self._log.open("ab") as log:
            log.write(f"\n$ cdk {' '.join(arguments)}\n".encode())
            log.flush()
            done = subprocess.run(command, cwd=tree, env=environment, stdout=log, stderr=log, timeout=SECONDS)
        if done.returncode:
            tail = self._log.read_bytes()[start:].decode("utf-8", "replace").splitlines()[-40:]
            raise CdkFailed(f"cdk {' '.join(arguments)} failed; {self._log} ends:\n" + "\n".join(tail))
