"""Where moto 5.2.5 differs from AWS, and where it is too slow: one function for each correction.

    imports.py        loads Step Functions without EC2's catalogue of instance types
    stepfunctions.py  the interpreter of state machines
    sqs.py            queues
    hooks.py          what our own runner needs from the interpreter; nothing that moto gets wrong

`tests/local/test_moto_patches.py` runs every correction's fault without it and fails once moto has caught up: then
delete the function and its line in `PATCHES`.
"""

from local.moto_patches import imports  # noqa: F401 - before anything of moto.stepfunctions

# isort: split
from collections.abc import Callable
from functools import cache
from typing import Final

from local.moto_patches import hooks, sqs, stepfunctions

PATCHES: Final[tuple[Callable[[], None], ...]] = (*stepfunctions.PATCHES, *sqs.PATCHES)


@cache
def apply() -> None:
    """Patch moto in this process, once."""
    for patch in (*PATCHES, *hooks.HOOKS):
        patch()
