"""The CDK app of the rehearsal: the same stacks, with what an emulator on this machine needs.

The layers are built for this machine instead of Lambda's, the sender's number is the simulated WhatsApp's, and nobody
waits for alarms after a release: no metric reaches them here.
"""

from dataclasses import replace

from aws_cdk import App

from infra.app import build
from infra.packaging import LOCAL, build_all
from infra.settings import Settings
from local.plan import PHONE_NUMBER_ID


def main() -> None:
    app = App()
    context = app.node.try_get_context
    settings = Settings.load(context("env"), context("environments"), context("presets"))
    here = replace(settings, whatsapp_phone_number_id=PHONE_NUMBER_ID, release_watch_minutes=0)
    build(app, here, build_all(LOCAL))
    app.synth()


if __name__ == "__main__":
    main()
