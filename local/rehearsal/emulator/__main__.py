"""`python -m local.rehearsal.emulator --plan <plan.json>`: runs until it is told to stop."""

import argparse
import asyncio
import json
import os
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from local.aws import server
from local.child import die_with_parent
from local.plan import Plan
from local.rehearsal.emulator.account import Account
from local.rehearsal.emulator.app import App

REQUESTS_AT_ONCE: Final = 64  # that wait for an answer of moto or of a function


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.rehearsal.emulator")
    parser.add_argument("--plan", type=Path, required=True)
    parser.add_argument("--services", required=True, help="JSON: host -> [path in the template, URL here]")
    arguments = parser.parse_args()
    die_with_parent()
    stop_signals = {signal.SIGTERM, signal.SIGINT}
    signal.pthread_sigmask(signal.SIG_BLOCK, stop_signals)  # in every thread; sigwait below receives them
    plan = Plan.load(arguments.plan)
    loop = asyncio.new_event_loop()
    loop.set_default_executor(ThreadPoolExecutor(REQUESTS_AT_ONCE))
    services = {host: (path, url) for host, (path, url) in json.loads(arguments.services).items()}
    account = Account(plan, loop, services)
    threading.Thread(target=loop.run_forever, daemon=True).start()
    asyncio.run_coroutine_threadsafe(account.start(), loop).result()
    threading.Thread(target=server.make(App(account), plan.ports.aws).serve_forever, daemon=True).start()
    signal.sigwait(stop_signals)
    asyncio.run_coroutine_threadsafe(account.functions.close(), loop).result(20)
    os._exit(0)


if __name__ == "__main__":
    main()
