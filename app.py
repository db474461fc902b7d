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
        settings = Settings.load(context("env") or "dev", context("environments"), context("presets"))
    except SettingsError as error:
        sys.exit(str(error))
    build(app, settings, lambda_packages())
    app.synth()


if __name__ == "__main__":
    main()
