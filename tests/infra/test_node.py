"""The build's Node tools run on a Node that they support, whatever the machine has, in the pinned versions."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra import node
from infra.paths import BUILD, ROOT


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
    return node.environment()["PATH"]


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
    assert version.strip() == f"v{node.VERSION}"


def test_a_second_call_installs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    search_path(monkeypatch, tmp_path)
    monkeypatch.setattr(subprocess, "run", lambda *args, **options: pytest.fail("installed again"))
    assert search_path(monkeypatch, tmp_path)


def test_packages_are_installed_once_for_each_lock_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lock = tmp_path / "package-lock.json"
    lock.write_text("{}")
    modules = tmp_path / "node_modules"
    modules.mkdir()
    calls: list[list[str]] = []
    monkeypatch.setattr(node, "LOCK_FILE", lock)
    monkeypatch.setattr(node, "MODULES", modules)
    monkeypatch.setattr(node, "environment", dict)
    monkeypatch.setattr(subprocess, "run", lambda command, **options: calls.append(command))
    node.install_packages()
    node.install_packages()
    assert [call[:3] for call in calls] == [["npm", "ci", "--ignore-scripts"]]
    lock.write_text('{"changed": true}')
    node.install_packages()
    assert len(calls) == 2


def test_a_failed_installation_is_repeated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(command: list[str], **options: object) -> None:
        raise subprocess.CalledProcessError(1, command)

    modules = tmp_path / "node_modules"
    modules.mkdir()
    monkeypatch.setattr(node, "MODULES", modules)
    monkeypatch.setattr(subprocess, "run", fail)
    for _ in range(2):
        with pytest.raises(subprocess.CalledProcessError):
            node.install_packages()


def test_the_lock_file_pins_every_package_by_hash_and_names_no_registry() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]
    lock = json.loads((ROOT / "package-lock.json").read_text())["packages"]
    assert {name: lock[f"node_modules/{name}"]["version"] for name in wanted} == wanted
    packages = {path: item for path, item in lock.items() if path}
    assert len(packages) > len(wanted)
    assert all("integrity" in item for item in packages.values())
    assert not any("resolved" in item for item in packages.values())


def test_the_cdk_cli_runs_in_the_pinned_version() -> None:
    wanted = json.loads((ROOT / "package.json").read_text())["dependencies"]["aws-cdk"]
    command = [sys.executable, "-m", "infra.cli", "--version"]
    outcome = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert outcome.stdout.startswith(f"{wanted} ")


def test_no_telemetry_is_sent() -> None:
    assert node.environment()["CDK_DISABLE_CLI_TELEMETRY"] == "true"
