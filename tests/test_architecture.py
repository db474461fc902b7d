"""The shape of the code, held: who may import whom, what an import may cost, and one list of functions."""

import ast
import importlib
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest
from functions.adapters.settings import variables_of

from infra.catalog import FUNCTIONS, Function, Side

ROOT = Path(__file__).parents[1]
HANDLERS = {function.name: function for function in FUNCTIONS}
PAGE = 125  # lines at the most: a handler is a page that you can see whole
LONGER = {"understand": 180}  # one look at everything; to be divided before it grows

# What a module of ours touches outside, by the adapter it goes through.
STORES = {"cache", "database", "database_role", "models", "passes", "people", "message_log", "memory", "events"}
OUTSIDE = {"whatsapp", "school_api", "openai_api", "queues", "secret_store"}
HEAVY = {"boto3", "botocore.session", "botocore.client", "openai", "reportlab", "qrcode", "PIL", "alembic", "pydantic"}
ON_NO_PARENTS_PATH = {"phonenumbers"}


@cache
def imports(path: Path, *, at_load: bool = False) -> frozenset[str]:
    """Modules that a file imports: anywhere in it, or only what runs when it is loaded."""
    tree = ast.parse(path.read_text("utf-8"))
    found: set[str] = set()

    def visit(node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found.add(module)
            if module.startswith("functions"):
                found.update(f"{module}.{alias.name}" for alias in node.names)
        if at_load and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            return
        if at_load and isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        for child in ast.iter_child_nodes(node):
            visit(child)

    visit(tree)
    return frozenset(found)


def file_of(module: str) -> Path | None:
    """The file of one of our modules."""
    path = ROOT / Path(*module.split("."))
    return next((found for found in (path.with_suffix(".py"), path / "__init__.py") if found.is_file()), None)


def reached(path: Path) -> set[str]:
    """The adapters that a file reaches, through others too."""
    found: set[str] = set()
    fresh = {path}
    while fresh:
        wanted = {name for item in fresh for name in imports(item) if name.startswith("functions.adapters.")}
        fresh = {found_path for name in wanted - found if (found_path := file_of(name))}
        found |= wanted
    return {name.split(".")[2] for name in found if file_of(name)}


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


@pytest.mark.parametrize("path", files("functions/domain"), ids=named)
def test_rules_import_the_standard_library_and_themselves_only(path: Path) -> None:
    foreign = {
        name
        for name in imports(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("functions.domain")
    }
    assert foreign == set()


@pytest.mark.parametrize("path", files("functions/adapters"), ids=named)
def test_adapters_never_import_handlers_or_the_infrastructure(path: Path) -> None:
    allowed = ("functions.adapters", "functions.domain")
    ours = {name for name in imports(path) if name.split(".")[0] in ("functions", "infra", "local", "tests", "bench")}
    assert {name for name in ours if not name.startswith(allowed)} == set()


@pytest.mark.parametrize("name", HANDLERS)
def test_handlers_import_no_other_handler(name: str) -> None:
    allowed = ("functions.adapters", "functions.domain")
    ours = {
        item for item in imports(ROOT / "functions" / f"{name}.py") if item.startswith(("functions", "infra", "local"))
    }
    assert {item for item in ours if not item.startswith(allowed)} == set()


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_talks_to_the_internet_or_to_the_stores_never_to_both(function: Function) -> None:
    found = reached(ROOT / "functions" / f"{function.name}.py")
    wrong = STORES if function.side == Side.INTERNET else OUTSIDE
    assert found & wrong == set()


def test_the_product_imports_nothing_of_its_surroundings() -> None:
    roots = {name.split(".")[0] for path in files("functions") for name in imports(path)}
    assert roots & {"infra", "local", "tests", "bench", "aws_cdk", "moto"} == set()


# --- one list of functions


def test_every_file_is_in_the_catalog_and_every_function_has_its_file() -> None:
    found = {path.stem for path in (ROOT / "functions").glob("*.py")} - {"__init__"}
    assert found == set(HANDLERS)
    assert len(FUNCTIONS) == len(HANDLERS)


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_has_a_handler_and_exactly_its_settings(function: Function) -> None:
    module = importlib.import_module(f"functions.{function.name}")
    assert callable(module.handler)
    assert function.handler == f"functions.{function.name}.handler"
    settings = getattr(module, "Settings", None)
    read = variables_of(settings) if settings else ()
    assert sorted(read) == sorted(function.environment)


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_is_a_page_and_says_why_it_exists(name: str) -> None:
    text = (ROOT / "functions" / f"{name}.py").read_text("utf-8")
    assert len(text.splitlines()) <= LONGER.get(name, PAGE)
    assert ast.get_docstring(ast.parse(text))


# --- what an import costs


@cache
def loaded_by(name: str) -> frozenset[str]:
    """What a fresh process has loaded once the handler's module is imported."""
    code = f"import json, sys, functions.{name}; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    return frozenset(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_nothing_heavy_is_loaded_before_it_is_needed(function: Function) -> None:
    heavy = HEAVY | ON_NO_PARENTS_PATH if function.answering else HEAVY
    assert loaded_by(function.name) & heavy == set()


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_the_internet_side_and_understand_load_no_database(function: Function) -> None:
    if function.side == Side.INTERNET:
        assert loaded_by(function.name) & {"sqlalchemy", "pg8000", "redis"} == set()
    elif function.name in ("understand", "remember", "gate_pass"):
        assert loaded_by(function.name) & {"sqlalchemy", "pg8000"} == set()


def test_no_setting_is_read_at_import() -> None:
    """A fresh process has none of them, and every handler could be imported above."""
    for path in files("functions"):
        tree = ast.parse(path.read_text("utf-8"))
        for node in tree.body:
            if not isinstance(node, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                assert "os.environ" not in ast.unparse(node), named(path)


def test_only_the_sync_writes_numbers() -> None:
    """A pass request once overwrote a parent's numbers: here one module alone writes that table."""
    writers = {
        path.stem
        for path in (ROOT / "functions").rglob("*.py")
        if re.search(r"\b(insert|delete|update)\(phones\)|phones\.(insert|delete|update)\(", path.read_text("utf-8"))
    }
    assert writers == {"students"}
