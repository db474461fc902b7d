"""Whatever a function can come to import, at its start or later, is in its layers, its code or Lambda's runtime."""

import sys
from functools import cache

import pytest

from infra.catalog import FUNCTIONS, Function
from infra.packaging import LAMBDA, LAYERS, build_layer
from tests.wiring import OURS, ROOT, reached

RUNTIME = {"boto3", "botocore", "s3transfer", "jmespath"}  # what Lambda's Python brings beside the standard library


@cache
def offered(layer: str) -> frozenset[str]:
    """The modules at the top of a layer, as it is built for Lambda."""
    folder = build_layer(layer, LAMBDA) / "python"
    packages = (path.name.partition(".")[0] for path in folder.iterdir() if not path.name.endswith(".dist-info"))
    return frozenset(packages)


def reachable(handler: str) -> dict[str, str]:
    """Third-party module -> the file of ours that imports it, from everything that a function leads to."""
    return {
        name.partition(".")[0]: str(path.relative_to(ROOT)) if path else "functions/dependencies.py"
        for name, path in reached(handler).items()
        if name.partition(".")[0] not in {*sys.stdlib_module_names, *OURS}
    }


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_has_the_layers_of_what_it_imports(function: Function) -> None:
    available = RUNTIME.union(*(offered(layer) for layer in function.layers))
    missing = {name: by for name, by in reachable(function.name).items() if name not in available}
    assert not missing


def test_the_reader_of_imports_sees_late_ones_and_those_of_other_files() -> None:
    assert reachable("gate_pass").keys() >= {"reportlab", "sqlalchemy"}
    assert "openai" in reachable("ai_reply")


def test_no_layer_is_carried_in_vain() -> None:
    for function in FUNCTIONS:
        used = reachable(function.name).keys()
        for layer in function.layers:
            assert used & offered(layer), f"{function.name} imports nothing of the layer {layer}"


def test_every_layer_is_of_some_function() -> None:
    assert {layer for function in FUNCTIONS for layer in function.layers} == set(LAYERS)
