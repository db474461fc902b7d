"""`python -m local.aws --plan <plan.json>`: runs until it is told to stop."""

import argparse
import os
import signal
import threading
from pathlib import Path

from local.aws import server
from local.aws.account import Account
from local.aws.app import App
from local.child import die_with_parent
from local.plan import Plan
from local.step_functions.definitions import load_definitions


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.aws")
    parser.add_argument("--plan", type=Path, required=True)
    die_with_parent()
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)  # in every thread; sigwait below receives them
    account = Account(Plan.load(parser.parse_args().plan), load_definitions())
    threading.Thread(target=server.make(App(account), account.plan.ports.aws).serve_forever, daemon=True).start()
    account.start()
    signal.sigwait(stop_signals)
    os._exit(0)  # without waiting for executions: their messages are gone with the queues


if __name__ == "__main__":
    main()
