"""The first deployment of `dev`, rehearsed: the CDK CLI, the deployed functions, their roles and their network.

The next release and the removal are left to `make rehearse`: they would double the time.
"""

import io
from pathlib import Path

import pytest
from rich.console import Console

from infra import node
from local.rehearsal.run import main

pytestmark = pytest.mark.enable_socket


def test_what_the_cdk_cli_deploys_answers_parents(tmp_path: Path) -> None:
    output = io.StringIO()
    node.install_packages()
    assert main("dev", tmp_path, Console(file=output, width=200), releases=False) == 0, output.getvalue()
    text = output.getvalue()
    for seen in ("a menu", "a balance", "a gate pass whose code opens the page", "an answer of the model", "a receipt"):
        assert seen in text
    assert "each allowed by its policies" in text
    assert "nothing but S3 from both sides" in text
