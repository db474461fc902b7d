"""`python -m local.world --plan <plan.json>`: the simulated services, until it is told to stop."""

import argparse
import asyncio
import os
import signal
from pathlib import Path

from local.plan import Plan
from local.world.server import World, serve


async def _main(plan: Plan) -> None:
    stop = asyncio.Event()
    for name in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(name, stop.set)
    await serve(World(plan), plan.ports.world, stop)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m local.world", description=__doc__)
    parser.add_argument("--plan", type=Path, required=True, help="the plan of this run (local/plan.py), as JSON")
    asyncio.run(_main(Plan.load(parser.parse_args().plan)))
    os._exit(0)  # without waiting for webhooks that nobody answers
