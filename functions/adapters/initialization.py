"""Work that a process does before its first invocation.

Lambda initializes a function with full CPU, and invokes it with the share that its memory gives: modules that are
imported by the first invocation cost a parent several times as much.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from functions.adapters import observability


def initialize(build: Callable[[], object], *connect: Callable[[], object]) -> None:
    """Build the function's service, which imports its modules; connect as well where nobody waits.

    `connect`: fetching secrets and opening connections, side by side. Only with provisioned concurrency: on a cold
    start a parent is waiting already, and after a SnapStart snapshot connections and secrets would be stale. A step
    that fails is left to the first invocation. Outside Lambda nothing is done.
    """
    kind = os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE")
    if not kind:
        return
    _attempt(build)
    if connect and kind == "provisioned-concurrency":
        with ThreadPoolExecutor(max_workers=len(connect)) as threads:
            list(threads.map(_attempt, connect))


def _attempt(step: Callable[[], object]) -> None:
    try:
        step()
    except Exception as error:
        observability.logger().warning("initialization step failed", error=type(error).__name__)
