"""Whatever a function can come to import, at its start or later, is in its layers, its code or Lambda's runtime."""

import ast
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from infra.catalog import FUNCTIONS, Function
from infra.packaging import LAMBDA, LAYERS, ROOT, build_layer

RUNTIME = {"boto3", "botocore", "s3transfer", "jmespath"}  # what Lambda's Python brings beside the standard library


@cache
def offered(layer: str) -> frozenset[str]:
    """The modules at the top of a layer, as it is built for Lambda."""
    folder = build_layer(layer, LAMBDA) / "python"
    packages = (path.name.partition(".")[0] for path in folder.iterdir() if not path.name.endswith(".dist-info"))
    return frozenset(packages)


def imported(path: Path) -> Iterator[str]:
    """The full names of the modules that a file imports, wherever in the file; those for type checkers left out."""
    tree = ast.parse(path.read_text())
    for_types = {
        id(inner)
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING")
        for inner in ast.walk(node)
    }
    for node in ast.walk(tree):
        if id(node) in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def file_of(module: str) -> Path | None:
    """The file of one of our own modules."""
    path = ROOT.joinpath(*module.split("."))
    candidates = (path.with_suffix(".py"), path / "__init__.py")
    return next((candidate for candidate in candidates if candidate.is_file()), None)


def reachable(module: str) -> dict[str, str]:
    """Third-party module -> the file of ours that imports it, from everything that a module leads to."""
    found: dict[str, str] = {}
    seen: set[Path] = set()
    waiting = [file_of(module)]
    while waiting:
        path = waiting.pop()
        if path is None or path in seen:
            continue
        seen.add(path)
        for name in imported(path):
            top = name.partition(".")[0]
            if top == "functions":
                waiting.append(file_of(name))
            elif top not in sys.stdlib_module_names:
                found.setdefault(top, str(path.relative_to(ROOT)))
    return found


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_has_the_layers_of_what_it_imports(function: Function) -> None:
    available = RUNTIME.union(*(offered(layer) for layer in function.layers))
    missing = {name: by for name, by in reachable(f"functions.{function.name}").items() if name not in available}
    assert not missing


def test_the_reader_of_imports_sees_late_ones_and_those_of_other_files() -> None:
    assert reachable("functions.gate_pass").keys() >= {"reportlab", "sqlalchemy"}
    assert "openai" in reachable("functions.ai_reply")


def test_no_layer_is_carried_in_vain() -> None:
    for function in FUNCTIONS:
        used = reachable(f"functions.{function.name}").keys()
        for layer in function.layers:
            assert used & offered(layer), f"{function.name} imports nothing of the layer {layer}"


def test_every_layer_is_of_some_function() -> None:
    assert {layer for function in FUNCTIONS for layer in function.layers} == set(LAYERS)
