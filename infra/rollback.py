"""Takes a release back.

    make rollback ENV=prod              # during a deployment: cancels it; CloudFormation restores the release before
    make rollback ENV=prod TO=v0.1.0    # afterwards: deploys that release (a tag or a commit) from a copy of its own

Before it deploys, it sets right what was changed by hand: an alias with weights, or at another version than the stack
gave it, would stop this and every later deployment.
"""

import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config

from infra.names import ALIAS
from infra.paths import ROOT

CONFIG: Final = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 4, "mode": "standard"})
MOVING: Final = "UPDATE_IN_PROGRESS"
# States from which CloudFormation accepts another deployment.
SETTLED: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_ROLLBACK_COMPLETE")


class RollbackError(Exception):
    """It cannot be done now; the message says what to do instead."""


@dataclass(frozen=True)
class ChangedAlias:
    """An alias that is not as the stack has it."""

    function: str
    version: str  # that the stack gave it
    found: str
    has_weights: bool

    def __str__(self) -> str:
        weights = ", with weights" if self.has_weights else ""
        return f"{self.function}: {ALIAS} is at version {self.found}{weights}; the stack has {self.version}"


@dataclass(frozen=True)
class Rollback:
    """Of one environment, with clients of CloudFormation and Lambda."""

    stack: str
    cloudformation: Any
    functions: Any

    def is_moving(self) -> bool:
        """Whether a deployment can still be cancelled; RollbackError where nothing can be done at the moment."""
        status = self.cloudformation.describe_stacks(StackName=self.stack)["Stacks"][0]["StackStatus"]
        if status == MOVING:
            return True
        if status not in SETTLED:
            raise RollbackError(f"{self.stack} is {status}: wait until it is complete, then try again.")
        return False

    def cancel(self) -> None:
        """CloudFormation restores the release before; its functions are still there, and warm."""
        self.cloudformation.cancel_update_stack(StackName=self.stack)

    def changed_aliases(self) -> list[ChangedAlias]:
        """Those that were moved, or given weights, by hand."""
        pages = self.cloudformation.get_paginator("list_stack_resources").paginate(StackName=self.stack)
        resources = [item for page in pages for item in page["StackResourceSummaries"]]
        return list(self._changed(resources))

    def _changed(self, resources: Sequence[Mapping[str, Any]]) -> Iterator[ChangedAlias]:
        versions = dict(_version(item) for item in resources if item["ResourceType"] == "AWS::Lambda::Version")
        for function, version in versions.items():
            alias = self.functions.get_alias(FunctionName=function, Name=ALIAS)
            has_weights = bool((alias.get("RoutingConfig") or {}).get("AdditionalVersionWeights"))
            if has_weights or alias["FunctionVersion"] != version:
                yield ChangedAlias(function, version, alias["FunctionVersion"], has_weights)

    def restore(self, alias: ChangedAlias) -> None:
        """As the stack has it."""
        self.functions.update_alias(
            FunctionName=alias.function,
            Name=ALIAS,
            FunctionVersion=alias.version,
            RoutingConfig={"AdditionalVersionWeights": {}},
        )


def _version(resource: Mapping[str, Any]) -> tuple[str, str]:
    """Function and version, of the ARN that CloudFormation calls a version by."""
    *_, function, version = resource["PhysicalResourceId"].split(":")
    return function, version


def run(rollback: Rollback, to: str | None, deploy: Callable[[str], int], say: Callable[[str], None] = print) -> int:
    """The exit code; RollbackError says what to do instead."""
    if rollback.is_moving():
        rollback.cancel()
        say(f"{rollback.stack}: the deployment is cancelled; CloudFormation restores the release before.")
        return 0
    for alias in rollback.changed_aliases():
        rollback.restore(alias)
        say(f"{alias}: restored.")
    if not to:
        raise RollbackError("No deployment is under way. Name the release to go back to: TO=<tag or commit>.")
    return deploy(to)


def deploy_from_copy(environment: str, release: str) -> int:
    """`make deploy` of that release, from a work tree of its own."""
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        copy = Path(folder) / "release"
        subprocess.run(["git", "worktree", "add", "--detach", str(copy), release], cwd=ROOT, check=True)
        try:
            command = ["make", "deploy", f"ENV={environment}", "ARGS=--require-approval never"]
            return subprocess.run(command, cwd=copy).returncode
        finally:
            subprocess.run(["git", "worktree", "remove", "--force", str(copy)], cwd=ROOT, check=True)


def main(environment: str, to: str | None = None) -> int:
    clients = [boto3.client(name, config=CONFIG) for name in ("cloudformation", "lambda")]
    try:
        return run(Rollback(f"school-{environment}-bot", *clients), to, lambda it: deploy_from_copy(environment, it))
    except RollbackError as error:
        print(error, file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:3]))
