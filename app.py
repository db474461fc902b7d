"""The CDK app: four stacks for one environment of `cdk.json`, chosen by `-c env=prod` (`dev` if nothing is said).

It makes no call to AWS and looks nothing up: `cdk synth` works offline. The CDK CLI runs it and hands over the context
of `cdk.json`: `make synth`, or `python -m infra.cli synth`.
"""

import os
import sys

from aws_cdk import App

from infra.app import build
from infra.certificates import check_region
from infra.packages import lambda_packages
from infra.settings import Settings, SettingsError
from infra.state_machine_definition import DefinitionError


def main() -> None:
    app = App()
    context = app.node.try_get_context
    environments, presets = context("environments"), context("presets")
    if environments is None or presets is None:
        sys.exit(
            "app.py: no environments or presets in the context. The CDK CLI reads them from cdk.json: run "
            "`make synth ENV=dev` or `python -m infra.cli synth -c env=dev` instead of `python app.py`."
        )
    try:
        settings = Settings.load(context("env") or "dev", environments, presets)
        check_region(os.environ.get("CDK_DEFAULT_REGION"))  # set by the CLI where it knows it
        build(app, settings, lambda_packages())
    except (SettingsError, DefinitionError) as error:
        sys.exit(str(error))
    app.synth()


if __name__ == "__main__":
    main()
