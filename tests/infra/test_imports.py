"""Whatever a function can come to import, at its start or later, is in its layers, its code or Lambda's runtime."""

import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from infra.catalog import FUNCTIONS, Function
from infra.packaging import LAMBDA, LAYERS, build_layer
from tests.wiring import OURS, ROOT, imports, reached

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


# --- infra/ itself ----------------------------------------------------------------------------------------------------

# From the innermost outwards: a module imports from its own layer or from an inner one.
LAYERS_OF_INFRA = ("infra", "infra.constructs", "infra.grants", "infra.stacks", "infra.app")


def modules(folder: str) -> dict[str, Path]:
    """Dotted name -> file of every module under a folder of the repository."""
    files = sorted((ROOT / folder).rglob("*.py"))
    names = (file.relative_to(ROOT).with_suffix("").parts for file in files)
    return {".".join(parts).removesuffix(".__init__"): file for parts, file in zip(names, files, strict=True)}


INFRA = modules("infra")


def layer_of(module: str) -> int:
    """Place in LAYERS_OF_INFRA; the modules that are in none of its folders are the first."""
    return max(place for place, name in enumerate(LAYERS_OF_INFRA) if f"{module}.".startswith(f"{name}."))


def imports_within(known: dict[str, Path]) -> dict[str, set[str]]:
    """Module -> those of the known modules that it imports, inside functions too."""
    return {name: {found for found in imports(file) if found in known} - {name} for name, file in known.items()}


def circle(graph: dict[str, set[str]]) -> list[str]:
    """Modules of which each imports the next and the last the first; empty if there are none."""
    finished: set[str] = set()

    def follow(module: str, path: list[str]) -> list[str]:
        if module in path:
            return path[path.index(module) :]
        if module in finished:
            return []
        for target in sorted(graph[module]):
            if found := follow(target, [*path, module]):
                return found
        finished.add(module)
        return []

    return next((found for module in sorted(graph) if (found := follow(module, []))), [])


def test_infra_has_no_import_circle() -> None:
    assert circle(imports_within(INFRA)) == []


def test_a_circle_through_a_late_import_is_found(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("import b\n")
    (tmp_path / "b.py").write_text("def late():\n    import c\n")
    (tmp_path / "c.py").write_text("from a import something\n")
    assert circle(imports_within({name: tmp_path / f"{name}.py" for name in "abc"})) == ["a", "b", "c"]


@pytest.mark.parametrize("module", INFRA)
def test_a_module_of_infra_imports_from_no_outer_layer(module: str) -> None:
    outward = {name for name in imports_within(INFRA)[module] if layer_of(name) > layer_of(module)}
    assert not outward


@pytest.mark.parametrize("module", [name for name in INFRA if name.startswith("infra.stacks.")])
def test_a_stack_imports_no_other_stack(module: str) -> None:
    """Stacks are joined in infra/app.py alone."""
    assert not {name for name in imports_within(INFRA)[module] if name.startswith("infra.stacks.")}


def test_a_deployment_needs_what_requirements_txt_installs_and_nothing_else() -> None:
    """`make deploy` has an environment of its own, without what the functions use."""
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    installed = {line.partition("==")[0] for line in lines if "==" in line}
    missing = [
        name
        for name, package in {
            "aws_lambda_powertools": "aws-lambda-powertools",
            "boto3": "boto3",
            "moto": "moto",
            "pg8000": "pg8000",
            "redis": "redis",
            "requests": "requests",
            "rich": "rich",
            "sqlalchemy": "sqlalchemy",
        }.items()
        if package not in installed
    ]
    assert {"redis", "requests", "sqlalchemy"} <= {*missing}
    block = f"import sys\nfor name in {missing}: sys.modules[name] = None\n"
    modules = ["app", "infra.app", "infra.cli", "infra.certificates", "infra.rollback"]
    outcome = subprocess.run(
        [sys.executable, "-c", block + f"import {', '.join(modules)}"], cwd=ROOT, capture_output=True, text=True
    )
    assert outcome.returncode == 0, outcome.stderr
