"""What AWS would refuse in the middle of a deployment, found before it begins: `make deploy` runs it after the synth.

The serverless cache accepts one change at a time. With two in one deployment, ElastiCache refuses the update, and
CloudFormation rolls everything back.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import boto3
from botocore.config import Config
from botocore.exceptions import ClientError

from infra.paths import ROOT

CONFIG: Final = Config(connect_timeout=5, read_timeout=20, retries={"total_max_attempts": 4, "mode": "standard"})
CACHE: Final = "AWS::ElastiCache::ServerlessCache"
OUTPUT: Final = ROOT / "cdk.out"


class PreflightError(Exception):
    """AWS would refuse the deployment; the message says what to do."""


def check(before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Compares two templates of the data stack; PreflightError names the changes that need deployments of their own."""
    old, new = _cache(before), _cache(after)
    changed = sorted(name for name in old.keys() | new.keys() if old.get(name) != new.get(name)) if old and new else []
    if len(changed) > 1:
        raise PreflightError(
            f"The serverless cache accepts one change at a time, and this deployment has {len(changed)}: "
            f"{', '.join(changed)}. Deploy one of them, then the next."
        )


def _cache(template: Mapping[str, Any]) -> Mapping[str, Any]:
    """Its properties without the tags, which are changed by a call of their own; {} where there is none."""
    caches = [item for item in template.get("Resources", {}).values() if item["Type"] == CACHE]
    return {name: value for item in caches for name, value in item["Properties"].items() if name != "Tags"}


def deployed(cloudformation: Any, stack: str) -> Mapping[str, Any]:
    """The template of a stack as it is; {} where there is no such stack yet."""
    try:
        body = cloudformation.get_template(StackName=stack)["TemplateBody"]
    except ClientError as error:
        if error.response.get("Error", {}).get("Code") == "ValidationError":  # there is no such stack
            return {}
        raise
    found: Mapping[str, Any] = json.loads(body) if isinstance(body, str) else body
    return found


def main(environment: str, output: Path = OUTPUT) -> int:
    stack = f"school-{environment}-data"
    try:
        after = json.loads((output / f"{stack}.template.json").read_text())
        check(deployed(boto3.client("cloudformation", config=CONFIG), stack), after)
    except PreflightError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
