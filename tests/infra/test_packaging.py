"""What is deployed is built once, is small enough, and starts quickly. These tests really build."""

import ctypes
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import sqlalchemy.engine

from infra import byte_code, packaging
from infra.packaging import LAMBDA, LAYERS, LOCAL, PackagingError, Target
from infra.paths import ROOT


def fingerprint(folder: Path) -> dict[str, str]:
    return {
        file.relative_to(folder).as_posix(): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in folder.rglob("*")
        if file.is_file()
    }


@pytest.fixture
def repository(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small repository of its own: one function, one setting, the layers' requirements."""
    (tmp_path / "functions" / "layers").mkdir(parents=True)
    (tmp_path / "config").mkdir()
    (tmp_path / "functions" / "greet.py").write_text("def handler(event, context):\n    return {'a', 'b', 'c'}\n")
    (tmp_path / "functions" / "layers" / "core.in").write_text("requests\n")
    (tmp_path / "config" / "school.toml").write_text("name = 'x'\n")
    monkeypatch.setattr(packaging, "ROOT", tmp_path)
    monkeypatch.setattr(packaging, "REQUIREMENTS", tmp_path / "functions" / "layers")
    monkeypatch.setattr(packaging, "BUILD", tmp_path / ".build")
    return tmp_path


@pytest.fixture(scope="module")
def lambda_packages() -> dict[str, Path]:
    return packaging.build_all(LAMBDA)


# --- what Lambda gets ------------------------------------------------------------------------------------------------


def test_packages_are_within_their_limits(lambda_packages: dict[str, Path]) -> None:
    sizes = {name: packaging.zipped_size(folder) for name, folder in lambda_packages.items()}
    assert packaging.over_limit(sizes) == []
    assert set(sizes) == {*LAYERS, "code"}


def test_a_package_over_its_limit_is_named() -> None:
    sizes = {"core": 11_000_000, "code": 10_000}
    assert packaging.over_limit(sizes) == ["core"]
    assert "over its limit" in packaging.size_table(sizes).splitlines()[1]


def test_libraries_are_for_the_processor_of_lambda(lambda_packages: dict[str, Path]) -> None:
    libraries = [path for folder in lambda_packages.values() for path in folder.rglob("*.so*")]
    assert libraries
    arm64 = 0xB7
    assert {int.from_bytes(path.read_bytes()[18:20], "little") for path in libraries} == {arm64}


def test_byte_code_is_trusted_unseen_and_of_the_runtimes_own_version(lambda_packages: dict[str, Path]) -> None:
    if byte_code.compiler(LAMBDA.python) is None:
        pytest.skip(f"no Python {LAMBDA.python} to be had: packages are built without byte code, and say so")
    magic = "f30d0d0a"  # of every Python 3.13
    headers = {path.read_bytes()[:8].hex() for folder in lambda_packages.values() for path in folder.rglob("*.pyc")}
    unchecked = "01000000"
    assert headers == {magic + unchecked}


def test_byte_code_lies_beside_the_modules_that_are_loaded(lambda_packages: dict[str, Path]) -> None:
    if byte_code.compiler(LAMBDA.python) is None:
        pytest.skip(f"no Python {LAMBDA.python} to be had")
    for layer, module in {
        "core": "requests/sessions",
        "ai": "openai/_client",
        "pdf": "reportlab/pdfgen/canvas",
        "graph": "strawberry/federation/schema",
    }.items():
        source = lambda_packages[layer] / "python" / f"{module}.py"
        assert source.is_file()
        assert list((source.parent / "__pycache__").glob(f"{source.stem}.*.pyc")), module


def test_layers_repeat_nothing_and_bring_no_tests(lambda_packages: dict[str, Path]) -> None:
    core = {path.name for path in (lambda_packages["core"] / "python").iterdir()}
    for other in ("pdf", "ai", "graph"):
        assert core & {path.name for path in (lambda_packages[other] / "python").iterdir()} == set()
    names = {part for folder in lambda_packages.values() for path in folder.rglob("*") for part in path.parts}
    assert not names & {"tests", "bin", "RECORD"}


def test_the_code_package_holds_functions_and_config(lambda_packages: dict[str, Path]) -> None:
    code = lambda_packages["code"]
    assert {path.name for path in code.iterdir()} == {"functions", "config"}
    assert not (code / "functions" / "layers").exists()


def test_every_module_that_gets_byte_code_is_in_a_layer() -> None:
    folders = [packaging.build_layer(name, LOCAL) / "python" for name in LAYERS]
    modules = packaging.LOADED.read_text().split()
    assert len(modules) > 500
    missing = [module for module in modules if not any((folder / module).is_file() for folder in folders)]
    assert missing == [], "run `make lock`"


def test_the_trimmed_layers_still_do_their_work() -> None:
    """First use of each dependency, with nothing but the layers on the path of a bare interpreter."""
    for name in ("ai", "graph", "pdf"):
        folders = [str(packaging.build_layer(layer, LOCAL) / "python") for layer in ("core", name)]
        script = f"import sys; sys.path[1:1] = {folders}; import functions.layers.loads as loads; loads.{name}()"
        subprocess.run([sys.executable, "-S", "-s", "-c", script], check=True, cwd=ROOT, env={})


# --- built once, the same everywhere ---------------------------------------------------------------------------------


def test_a_second_call_builds_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    first = packaging.build_layer("pdf", LOCAL)

    def refuse(*_: object) -> None:
        raise AssertionError("installed again")

    monkeypatch.setattr(packaging, "install", refuse)
    assert packaging.build_layer("pdf", LOCAL) == first


def test_a_change_of_the_code_makes_a_new_code_package_and_only_that(repository: Path) -> None:
    (repository / "functions" / "layers" / "loaded.txt").touch()
    layer_files = [repository / "functions" / "layers" / name for name in ("core.in", "loaded.txt")]
    first = packaging.build_code(LOCAL)
    layer_files[0].write_text("redis\n")  # what layers are made of is no part of the code package
    assert packaging.build_code(LOCAL) == first
    (repository / "functions" / "greet.py").write_text("def handler(event, context):\n    return None\n")
    assert packaging.build_code(LOCAL) != first


def test_the_same_code_gives_the_same_bytes(repository: Path) -> None:
    mounted = Target("elsewhere", LOCAL.python, None, {"code": "/var/task"})
    first = packaging.build_code(mounted)
    before = fingerprint(first)
    assert any(name.endswith(".pyc") for name in before)
    shutil.rmtree(first)
    second = packaging.build_code(mounted)
    assert second == first
    assert fingerprint(second) == before


def test_old_builds_are_removed_and_the_latest_are_kept(repository: Path) -> None:
    builds = []
    for number in range(packaging.KEPT_BUILDS + 2):
        (repository / "config" / "school.toml").write_text(f"number = {number}\n")
        builds.append(packaging.build_code(LOCAL))
        if number == 0:
            os.utime(builds[0], (0, 0))  # not used for long
    assert [build.is_dir() for build in builds] == [False] + [True] * (packaging.KEPT_BUILDS + 1)


def test_a_failed_build_leaves_nothing_behind(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise PackagingError("no")

    monkeypatch.setattr(packaging, "_compile", fail)
    with pytest.raises(PackagingError):
        packaging.build_code(LOCAL)
    assert list((repository / ".build" / "local").iterdir()) == []


def test_versions_that_differ_between_layers_are_named(repository: Path) -> None:
    layers = repository / "functions" / "layers"
    (layers / "core.txt").write_text("idna==3.20 \\\n    --hash=sha256:aa\n")
    (layers / "pdf.txt").write_text("idna==3.19 \\\n    --hash=sha256:bb\nqrcode==8.2 \\\n    --hash=sha256:cc\n")
    with pytest.raises(PackagingError, match="idna differs between layers core and pdf"):
        packaging.build_layer("pdf", LOCAL)


def test_a_package_that_cannot_be_installed_is_explained(tmp_path: Path) -> None:
    wrong_hash = "idna==3.20 --hash=sha256:" + "0" * 64
    with pytest.raises(PackagingError, match="idna"):
        packaging.install(wrong_hash, tmp_path / "python", LOCAL)


# --- parts -----------------------------------------------------------------------------------------------------------


def test_pinned_reads_a_lock_file() -> None:
    lock = (
        "# a comment\nidna==3.20 \\\n    --hash=sha256:aa\n    # via requests\n"
        "colorama==0.4.6 ; sys_platform == 'win32' \\\n    --hash=sha256:bb\n"
    )
    packages = packaging.pinned(lock)
    assert list(packages) == ["idna", "colorama"]
    assert packages["colorama"].endswith("sha256:bb")


@pytest.mark.skipif(sys.platform != "linux", reason="ELF is Linux's format")
def test_a_library_without_its_debug_information_still_loads(tmp_path: Path) -> None:
    library = next(Path(sqlalchemy.engine.__file__).parent.glob("_result_cy*.so")).read_bytes()
    stripped = packaging.without_debug_sections(library)
    assert len(stripped) < len(library)
    (tmp_path / "stripped.so").write_bytes(stripped)
    assert ctypes.CDLL(str(tmp_path / "stripped.so")).PyInit__result_cy
    assert packaging.without_debug_sections(b"not a library") == b"not a library"


def test_zipped_size_counts_compressed_bytes(tmp_path: Path) -> None:
    (tmp_path / "zeros").write_bytes(bytes(1_000_000))
    assert 1_000 < packaging.zipped_size(tmp_path) < 2_000


def test_local_byte_code_is_of_this_interpreter(repository: Path) -> None:
    code = packaging.build_code(LOCAL)
    headers = {path.read_bytes()[:4] for path in code.rglob("*.pyc")}
    assert headers == {importlib.util.MAGIC_NUMBER}
