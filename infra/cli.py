"""The CDK's own command line, in the version of `package.json`, on a Node that it supports.

    python -m infra.cli synth -c env=dev      # any command of `cdk`

npm's `aws-cdk@3.0.0` was published by accident and does not work: the version is pinned.
"""

import subprocess
import sys

from infra.node import node_environment, npm_package
from infra.paths import ROOT


def main() -> int:
    """Runs `cdk` with the arguments given; its exit code is ours."""
    cdk = npm_package("aws-cdk") / "bin" / "cdk"
    return subprocess.run(["node", str(cdk), *sys.argv[1:]], cwd=ROOT, env=node_environment()).returncode


if __name__ == "__main__":
    sys.exit(main())
