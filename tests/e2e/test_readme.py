"""The commands of the README, as they stand there, in their order."""

import re
import shlex
import sys
from pathlib import Path

import pytest

from local.cli import commands
from local.stack_client import StackClient

README = Path(__file__).parents[2] / "README.md"
COMMAND = re.compile(r"^\.venv/bin/python -m local (.+?)(?:\s+# .*)?$", re.MULTILINE)


def test_the_commands_of_the_readme_do_what_their_comments_say(
    running: StackClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = ["--folder", str(running.plan.folder)]
    monkeypatch.chdir(tmp_path)
    shown = []
    for command in COMMAND.findall(README.read_text("utf-8")):
        monkeypatch.setattr(sys, "argv", ["local", *shlex.split(command), *folder])
        assert commands.main() == 0, command
        shown.append(capsys.readouterr().out)
    menu, gate_pass, fault, balance, clear = shown
    assert "Fee balance" in menu
    assert [path.suffix for path in (tmp_path / "received").iterdir()] == [".pdf"]
    assert "Valid until" in gate_pass
    assert "school" in fault
    assert "Fully paid" in balance
    assert "school" not in clear
    assert running.world("GET", "/faults") == {service: [] for service in running.world("GET", "/faults")}


def test_the_readme_is_short_and_shows_the_console() -> None:
    text = README.read_text("utf-8")
    assert len(text.splitlines()) < 120
    assert "docs/images/console.png" in text
