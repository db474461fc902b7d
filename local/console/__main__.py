"""`python -m local.console --plan <plan.json>`: runs until it is told to stop."""

import argparse
from pathlib import Path

import uvicorn

from local.child import die_with_parent
from local.console.app import create_app
from local.console.state import ConsoleState
from local.plan import Plan


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m local.console")
    parser.add_argument("--plan", type=Path, required=True)
    die_with_parent()
    plan = Plan.load(parser.parse_args().plan)
    uvicorn.run(
        create_app(ConsoleState(plan)),
        host="127.0.0.1",
        port=plan.ports.console,
        log_level="warning",
        timeout_graceful_shutdown=1,
        server_header=False,
    )


if __name__ == "__main__":
    main()
