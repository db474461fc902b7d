"""`app.py` says what is wrong in one sentence."""

import json
import os
import subprocess
import sys

import pytest

from infra.paths import ROOT
from tests.infra.conftest import CONTEXT


def run_app(**context: object) -> subprocess.CompletedProcess[str]:
    """`python app.py` with that context; the CDK CLI hands it over in the same way."""
    environment = os.environ | ({"CDK_CONTEXT_JSON": json.dumps(context)} if context else {})
    return subprocess.run(
        [sys.executable, "app.py"], cwd=ROOT, env=environment, capture_output=True, text=True, timeout=120
    )


@pytest.mark.parametrize("context", [{}, {"env": "dev", "presets": {}}], ids=["no context", "no environments"])
def test_without_the_context_of_cdk_json_it_says_how_it_is_run(node: None, context: dict[str, object]) -> None:
    outcome = run_app(**context)
    assert outcome.returncode == 1
    assert "The CDK CLI reads them from cdk.json: run `make synth ENV=dev`" in outcome.stderr
    assert "Traceback" not in outcome.stderr


def test_an_unknown_environment_is_named(node: None) -> None:
    outcome = run_app(env="staging", environments={"dev": {}}, presets={})
    assert outcome.returncode == 1
    assert outcome.stderr.strip() == "no environment 'staging' in cdk.json; there are: dev"


def test_a_region_that_the_database_has_no_certificates_for_is_refused(
    node: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CDK_DEFAULT_REGION", "mx-central-1")
    outcome = run_app(env="dev", environments=CONTEXT["environments"], presets=CONTEXT["presets"])
    assert outcome.returncode == 1
    assert outcome.stderr.startswith("There are no certificates of RDS for the region mx-central-1")
