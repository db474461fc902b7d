"""The CDK app: four stacks for one environment of `cdk.json`, chosen by `-c env=prod` (`dev` if nothing is said).

It makes no call to AWS and looks nothing up: `cdk synth` works offline.
"""

import sys

from aws_cdk import App

from infra.app import build
from infra.packages import lambda_packages
from infra.settings import Settings, SettingsError


def main() -> None:
    app = App()
    context = app.node.try_get_context
    try:
        environments, presets = context("environments"), context("presets")
        if environments is None or presets is None:
            sys.exit("The context of cdk.json is missing: run `make synth ENV=dev`, or `cdk synth -c env=dev`.")
        settings = Settings.load(context("env") or "dev", environments, presets)
    except SettingsError as error:
        sys.exit(str(error))
    build(app, settings, lambda_packages())
    app.synth()


if __name__ == "__main__":
    main()
