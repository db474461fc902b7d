"""The CDK CLI in the pinned version, on a Node that it supports.

    python -m infra.cli synth -c env=dev      # any command of `cdk`

The version is that of `package.json`. (npm's `aws-cdk@3.0.0` was published by accident and does not work.)
"""

import subprocess
import sys

from infra import node
from infra.paths import ROOT


def main() -> int:
    """Runs `cdk` with the arguments given; its exit code is ours."""
    node.install_packages()
    cdk = node.MODULES / "aws-cdk" / "bin" / "cdk"
    return subprocess.run(["node", str(cdk), *sys.argv[1:]], cwd=ROOT, env=node.environment()).returncode


if __name__ == "__main__":
    sys.exit(main())
