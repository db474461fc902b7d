"""Imports moto's Step Functions without EC2's catalogue: 100 MB and half the start-up, for the sake of one enum.

To be imported before anything of `moto.stepfunctions`.
"""

import importlib
import importlib.util
import sys
from types import ModuleType


def _import_step_functions_without_batch() -> None:
    """Give it `moto.batch.utils` alone; whoever wants the whole of `moto.batch` imports it afterwards as usual."""
    if "moto.batch" in sys.modules:
        return
    package = ModuleType("moto.batch")
    spec = importlib.util.find_spec("moto")
    package.__path__ = [f"{folder}/batch" for folder in (spec.submodule_search_locations or [])] if spec else []
    sys.modules["moto.batch"] = package
    try:
        importlib.import_module("moto.stepfunctions.parser.models")
    finally:
        for name in [name for name in sys.modules if name == "moto.batch" or name.startswith("moto.batch.")]:
            del sys.modules[name]


_import_step_functions_without_batch()
