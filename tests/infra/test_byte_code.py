"""Byte code of Lambda's Python, whatever Pythons this machine has."""

import marshal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra import byte_code

LAMBDA = "3.13"


@pytest.fixture(autouse=True)
def forgotten() -> Iterator[None]:
    """Each test looks for itself."""
    byte_code.compiler.cache_clear()
    byte_code.interpreter.cache_clear()
    yield
    byte_code.compiler.cache_clear()
    byte_code.interpreter.cache_clear()


@pytest.fixture
def module(tmp_path: Path) -> Path:
    (tmp_path / "functions").mkdir()
    path = Path("functions/greet.py")
    (tmp_path / path).write_text("def handler(event, context):\n    return sorted({'a', 'b', event['name']})\n")
    return path


def test_an_interpreter_is_only_taken_if_it_really_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """pyenv's shims exist and fail; a Python of another version may go by the name."""
    shim = tmp_path / "python3.99"
    shim.write_text("#!/bin/sh\necho 'command not found' >&2; exit 127\n")
    shim.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    assert byte_code.interpreter("3.99") is None
    assert byte_code.interpreter(byte_code.HERE) == Path(sys.executable)


def test_without_any_it_says_so_once(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert byte_code.compiler("3.99") is None
    assert byte_code.compiler("3.99") is None
    assert capsys.readouterr().err.count("no Python 3.99 on this machine") == 1


def test_where_npm_fails_there_is_none(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> None:
        raise subprocess.CalledProcessError(1, "npm")

    monkeypatch.setattr(byte_code, "interpreter", lambda _: None)
    monkeypatch.setattr("infra.node.install_packages", fail)
    assert byte_code.compiler(LAMBDA) is None


def test_a_machine_without_that_python_makes_the_same_kind_of_byte_code(
    tmp_path: Path, module: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Python 3.13 in WebAssembly; what it writes, a real 3.13 would load."""
    monkeypatch.setattr(byte_code, "interpreter", lambda _: None)
    compiler = byte_code.compiler(LAMBDA)
    if compiler is None:
        pytest.skip("no npm here")
    assert compiler.name.startswith("pyodide ")
    compiler.write(tmp_path, [module], "/var/task")
    written = (tmp_path / "functions" / "__pycache__" / "greet.cpython-313.pyc").read_bytes()
    assert written[:8].hex() == "f30d0d0a" + "01000000"  # magic number of 3.13, unchecked hash
    assert b"/var/task/functions/greet.py" in written


def test_byte_code_of_this_python_runs(tmp_path: Path, module: Path) -> None:
    compiler = byte_code.compiler(byte_code.HERE)
    assert compiler
    compiler.write(tmp_path, [module], "/var/task")
    (written,) = (tmp_path / "functions" / "__pycache__").iterdir()
    names: dict[str, object] = {}
    code = marshal.loads(written.read_bytes()[16:])
    exec(code, names)  # what an import does
    assert code.co_filename == "/var/task/functions/greet.py"
    assert names["handler"]({"name": "c"}, None) == ["a", "b", "c"]  # type: ignore[operator]


def test_nothing_to_compile_compiles_nothing(tmp_path: Path) -> None:
    """compileall takes an empty list for the whole of sys.path."""
    compiler = byte_code.compiler(byte_code.HERE)
    assert compiler
    compiler.write(tmp_path, [], None)
    assert list(tmp_path.iterdir()) == []
