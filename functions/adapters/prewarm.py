"""Work that a process does before its first invocation: fetch secrets, connect, load heavy modules.

Only with provisioned concurrency, where Lambda starts an environment ahead of need. On a cold start a parent is waiting
already, and after a SnapStart snapshot connections and secrets would be stale.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from functions.adapters import observability


def prewarm(*steps: Callable[[], object]) -> None:
    """Do all steps side by side; one that fails is left to the first invocation."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency":
        return
    with ThreadPoolExecutor(max_workers=len(steps)) as threads:
        for step in [threads.submit(step) for step in steps]:
            if error := step.exception():
                observability.logger().warning("prewarming failed", error=type(error).__name__)
