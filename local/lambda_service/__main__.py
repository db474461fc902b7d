"""`python -m local.lambda_service --plan <plan.json>`: runs until it is told to stop."""

import argparse
import asyncio
import signal
from pathlib import Path

from infra.catalog import FUNCTIONS
from local.lambda_service.packages import Packages
from local.lambda_service.service import serving
from local.plan import Plan


async def serve_until_stopped(plan: Plan) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    packages = Packages.build(dict.fromkeys(layer for function in FUNCTIONS for layer in function.layers))
    async with serving(plan, FUNCTIONS, packages, warm=False):  # the stack asks for it once the servers run
        await stop.wait()


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.lambda_service")
    parser.add_argument("--plan", type=Path, required=True)
    asyncio.run(serve_until_stopped(Plan.load(parser.parse_args().plan)))


if __name__ == "__main__":
    main()
