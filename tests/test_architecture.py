"""The shape of the code, held: who may import whom, what an import may cost, and one list of functions."""

import ast
import json
import re
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

from infra.catalog import FUNCTIONS, Function, Side
from tests.wiring import OURS, ROOT, imports, reached

HANDLERS = {function.name: function for function in FUNCTIONS}
WIRING = {"dependencies", "settings"}  # modules beside the handlers that are none
LONGEST_HANDLER = 60  # lines

MAY_IMPORT = {
    "domain": {"domain"},
    "adapters": {"adapters", "domain"},
    "services": {"services", "adapters", "domain"},
}
HEAVY = {"boto3", "botocore.session", "botocore.client", "openai", "reportlab", "qrcode", "PIL", "alembic", "pydantic"}
ON_NO_PARENTS_PATH = {"phonenumbers"}
EVERY_TIME = {"ai_reply": {"openai", "pydantic"}, "gate_pass": {"reportlab", "qrcode", "PIL"}}  # needed by each call
# Adapters by the side that they are for.
STORES = ("functions.adapters.cache", "functions.adapters.database")
OUTSIDE = tuple(
    f"functions.adapters.{name}"
    for name in ("whatsapp.client", "school_api", "school_graph_client", "openai_api", "queues", "secret_store")
)


def files(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


# --- layers


@pytest.mark.parametrize("path", files("functions/domain"), ids=named)
def test_the_domain_imports_the_standard_library_and_itself_only(path: Path) -> None:
    foreign = {
        name
        for name in imports(path)
        if name.split(".")[0] not in sys.stdlib_module_names and not name.startswith("functions.domain")
    }
    assert foreign == set()


@pytest.mark.parametrize("layer", MAY_IMPORT)
def test_a_layer_imports_itself_and_the_layers_below_it(layer: str) -> None:
    allowed = tuple(f"functions.{name}" for name in MAY_IMPORT[layer])
    for path in files(f"functions/{layer}"):
        foreign = {name for name in imports(path) if name.split(".")[0] in OURS and not name.startswith(allowed)}
        assert foreign - {"functions"} == set(), named(path)


@pytest.mark.parametrize("folder", ["functions", "infra", "local", "bench"])
def test_modules_do_not_import_each_other_in_a_circle(folder: str) -> None:
    modules = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in files(folder)}
    modules = {name.removesuffix(".__init__"): path for name, path in modules.items()}
    graph = {
        name: {target for target in imports(path) & set(modules) if target != name} for name, path in modules.items()
    }
    while graph:  # take away what imports nothing that is left
        free = {name for name, targets in graph.items() if not targets & set(graph)}
        assert free, f"a circle among {sorted(graph)}"
        graph = {name: targets for name, targets in graph.items() if name not in free}


@pytest.mark.parametrize("name", HANDLERS)
def test_handlers_import_no_other_handler(name: str) -> None:
    allowed = (
        "functions.services",
        "functions.adapters",
        "functions.domain",
        "functions.dependencies",
        "functions.settings",
    )
    found = imports(ROOT / "functions" / f"{name}.py")
    ours = {item for item in found if item.split(".")[0] in ("functions", "infra", "local")}
    assert {item for item in ours if not item.startswith(allowed)} <= {"functions"}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_talks_to_the_internet_or_to_the_stores_never_to_both(function: Function) -> None:
    wrong = STORES if function.side == Side.INTERNET else OUTSIDE
    assert {name for name in reached(function.name) if name.startswith(wrong)} == set()


def test_the_product_imports_nothing_of_its_surroundings() -> None:
    roots = {name.split(".")[0] for path in files("functions") for name in imports(path)}
    assert roots & {"infra", "local", "tests", "bench", "aws_cdk", "moto"} == set()


# --- one list of functions


def test_every_file_is_in_the_catalog_and_every_function_has_its_file() -> None:
    found = {path.stem for path in (ROOT / "functions").glob("*.py")} - {"__init__"} - WIRING
    assert found == set(HANDLERS)
    assert len(FUNCTIONS) == len(HANDLERS)


@pytest.mark.parametrize("name", HANDLERS)
def test_a_handler_is_one_screen_and_says_why_it_exists(name: str) -> None:
    text = (ROOT / "functions" / f"{name}.py").read_text("utf-8")
    assert len(text.splitlines()) <= LONGEST_HANDLER
    tree = ast.parse(text)
    assert ast.get_docstring(tree)
    assert HANDLERS[name].handler == f"functions.{name}.handler"
    assert "handler" in {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


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
    assert loaded_by(function.name) & heavy == EVERY_TIME.get(function.name, set())


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_the_internet_side_and_understand_load_no_database(function: Function) -> None:
    if function.side == Side.INTERNET:
        assert loaded_by(function.name) & {"sqlalchemy", "pg8000", "redis"} == set()
    elif function.name == "understand":  # the cache knows most senders
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
