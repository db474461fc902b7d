"""What can be done before the first parent waits for it: secrets fetched, connections made, heavy modules loaded.

Only where Lambda starts an environment ahead of need (provisioned concurrency). On a cold start a parent is waiting
already, and after a SnapStart snapshot connections and secrets would be stale.
"""

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from functions.adapters import observe


def ahead(*steps: Callable[[], object]) -> None:
    """Do all steps side by side, when nobody waits; one that fails is left to the first invocation."""
    if os.environ.get("AWS_LAMBDA_INITIALIZATION_TYPE") != "provisioned-concurrency":
        return
    with ThreadPoolExecutor(max_workers=len(steps)) as threads:
        for step in [threads.submit(step) for step in steps]:
            if error := step.exception():
                observe.log().warning("not ready ahead of need", error=type(error).__name__)
