"""What is new enough of Node is used; else one from PyPI is."""

import os
import subprocess
from pathlib import Path

import pytest

from infra import node
from infra.paths import BUILD


def fake_node(folder: Path, version: str) -> Path:
    """A folder with a `node` that says it is of that version, and an `npm`."""
    folder.mkdir()
    for name in ("node", "npm"):
        program = folder / name
        program.write_text(f"#!/bin/sh\necho {version}\n")
        program.chmod(0o755)
    return folder


def search_path(monkeypatch: pytest.MonkeyPatch, *folders: Path) -> str:
    monkeypatch.setenv("PATH", os.pathsep.join(map(str, folders)))
    return node.node_environment()["PATH"]


@pytest.mark.parametrize("version", ["v22.0.0", "v24.11.1"])
def test_a_node_that_is_new_enough_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    own = fake_node(tmp_path / "own", version)
    assert search_path(monkeypatch, own) == str(own)


@pytest.mark.parametrize("version", ["v20.20.2", "v9.11.2", "nonsense"])
def test_an_old_node_is_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, version: str) -> None:
    own = fake_node(tmp_path / "own", version)
    first, *others = search_path(monkeypatch, own).split(os.pathsep)
    assert Path(first).is_relative_to(BUILD)
    assert others == [str(own)]


def test_where_there_is_none_it_comes_from_pypi_and_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = search_path(monkeypatch, tmp_path, Path("/usr/bin/nowhere"))
    environment = {"PATH": f"{path}{os.pathsep}/usr/bin{os.pathsep}/bin"}
    for name in ("node", "npm"):
        assert subprocess.run([name, "--version"], env=environment, capture_output=True).returncode == 0
    version = subprocess.run(["node", "--version"], env=environment, capture_output=True, text=True).stdout
    assert version.strip() == f"v{node.NODE}"


def test_a_second_call_installs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search_path(monkeypatch, tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: pytest.fail("installed again"))
    assert search_path(monkeypatch, tmp_path)


def test_nothing_is_told_to_anyone() -> None:
    assert node.node_environment()["CDK_DISABLE_CLI_TELEMETRY"] == "true"
