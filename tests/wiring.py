"""Which of our modules a function can load: those of its file, of the getters that it uses, and what they import."""

import ast
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]
OURS = ("functions", "infra", "local", "tests", "bench")
DEPENDENCIES = "functions.dependencies"


@cache
def imports(path: Path) -> frozenset[str]:
    """Modules that a file imports, anywhere in it, but for type checking."""
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        found.update(imported(node))
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(ast.parse(path.read_text("utf-8")))
    return frozenset(found)


def imported(node: ast.AST) -> set[str]:
    """What one import statement names; of our own packages also the names taken from them."""
    if isinstance(node, ast.Import):
        return {alias.name for alias in node.names}
    if not isinstance(node, ast.ImportFrom) or node.module is None:
        return set()
    is_ours = node.module.split(".")[0] in OURS
    return {node.module} | {f"{node.module}.{alias.name}" for alias in node.names if is_ours}


def file_of(module: str) -> Path | None:
    """The file of one of our modules."""
    path = ROOT / Path(*module.split("."))
    return next((found for found in (path.with_suffix(".py"), path / "__init__.py") if found.is_file()), None)


@cache
def getters() -> dict[str, ast.FunctionDef]:
    """The functions of dependencies.py by name."""
    tree = ast.parse((ROOT / "functions" / "dependencies.py").read_text("utf-8"))
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef)}


def getters_of(handler: str) -> set[str]:
    """The getters that a handler uses, and those that they use."""
    tree: ast.AST = ast.parse((ROOT / "functions" / f"{handler}.py").read_text("utf-8"))
    found: set[str] = set()
    fresh = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)} & set(getters())
    while fresh:
        found |= fresh
        used = {node.id for name in fresh for node in ast.walk(getters()[name]) if isinstance(node, ast.Name)}
        fresh = (used & set(getters())) - found
    return found


@cache
def reached(handler: str) -> dict[str, Path | None]:
    """Module -> one of our files that imports it (None: dependencies.py), for all that a function leads to."""
    used = [name for getter in getters_of(handler) for node in ast.walk(getters()[getter]) for name in imported(node)]
    path = ROOT / "functions" / f"{handler}.py"
    fresh: dict[str, Path | None] = dict.fromkeys(used) | dict.fromkeys(imports(path), path)
    found: dict[str, Path | None] = {}
    while fresh := {name: by for name, by in fresh.items() if name not in found and not is_wiring(name)}:
        found |= fresh
        paths = [file for name in fresh if name.startswith("functions.") and (file := file_of(name))]
        fresh = {name: file for file in paths for name in imports(file)}
    return found


def is_wiring(name: str) -> bool:
    return name == DEPENDENCIES or name.startswith(f"{DEPENDENCIES}.")
