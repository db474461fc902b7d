"""Imports moto's Step Functions without EC2's catalogue of instance types: that saves 100 MB and half of the start.

Through `moto.batch` it would load all of `moto.ec2` for one enumeration. Import this before anything of
`moto.stepfunctions`.
"""

import importlib
import importlib.util
import sys
from types import ModuleType


def _import_step_functions_without_batch() -> None:
    """Offer `moto.batch.utils` alone during the import; afterwards `moto.batch` can be imported whole as usual."""
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
