"""The command line: its commands, and a whole run from start to Ctrl-C."""

import contextlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from local.cli import commands as cli
from local.cli.run import ports_from
from local.parent import Parent, text
from local.send_message import send_message
from local.stack import StackError
from local.stack_client import StackClient


def test_help_lists_every_command_with_its_purpose() -> None:
    shown = cli.parser().format_help()
    names = ["run", "say", "inbox", "fault", "profile", "today", "pay", "sync", "kpi"]
    assert [command.NAME for command in cli.COMMANDS] == names
    for command in cli.COMMANDS:
        assert f"    {command.NAME:<10}{command.HELP}" in shown


class Terminal:
    """`python -m local run` as someone starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output"
        with self.output.open("w") as output:
            self.process = psutil.Popen(
                [
                    *(sys.executable, "-m", "local", "run", "--profile", "zero", "--today", "2026-11-23"),
                    *("--folder", str(folder / "run"), "--port", str(four_free_ports())),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 180
        while "Ready" not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)
        self.children = self.process.children(recursive=True)

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "local", *arguments, "--folder", str(self.folder / "run")],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[3],
        )
        assert done.stderr == ""
        return done.stdout

    def left(self) -> list[str]:
        """What still runs a moment after the end."""
        return [" ".join(process.cmdline()) for process in psutil.wait_procs(self.children, timeout=5)[1]]


def four_free_ports() -> int:
    for port in range(20_000, 30_000, 4):
        try:
            ports_from(port)
        except StackError:
            continue
        return port
    raise AssertionError("no free ports")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    with contextlib.suppress(psutil.NoSuchProcess):
        terminal.process.kill()
        terminal.process.wait()


def test_a_message_is_answered_and_no_process_is_left_after_ctrl_c(terminal: Terminal, tmp_path: Path) -> None:
    running = StackClient.find(tmp_path / "run")
    outcome = send_message(running, Parent("+263772100004"), text("balance"))
    assert outcome.status == 200
    assert "Billed" in json.dumps(outcome.replies[0]["body"])
    assert outcome.execution
    assert outcome.execution["status"] == "SUCCEEDED"
    shown = terminal.command("say", "--tap", "gate pass", "--from", "+263772100004", "--save", str(tmp_path / "got"))
    assert "📄" in shown
    assert "typing indicator" in shown
    assert [path.suffix for path in (tmp_path / "got").iterdir()] == [".pdf"]
    assert "kind=silent" in terminal.command("fault", "school", "silent", "--times", "2")
    assert "No faults" in terminal.command("fault", "clear")
    assert "school_api_seconds             0.25" in terminal.command("profile", "--set", "school_api_seconds=0.25")
    assert "expected" in terminal.command("profile", "--set", "school_api_second=1")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(10) == 0
    assert "nothing is left running" in terminal.output.read_text()
    assert terminal.left() == []


def test_no_process_is_left_when_it_is_killed(terminal: Terminal) -> None:
    assert len(terminal.children) > 10
    terminal.process.kill()
    terminal.process.wait()
    assert terminal.left() == []
