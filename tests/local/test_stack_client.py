"""Finding the running stack."""

import subprocess
import sys
from pathlib import Path

import pytest

from local.plan import Plan, Ports
from local.stack_client import NotRunning, StackClient


def test_without_a_running_stack_one_line_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="make run"):
        StackClient.find(tmp_path)
    (tmp_path / "plan.json").write_text('{"folder": "x"}')  # of an older version
    with pytest.raises(NotRunning, match="make run"):
        StackClient.find(tmp_path)
    Plan.create(tmp_path, Ports.free()).save()  # a run that has ended
    with pytest.raises(NotRunning, match="make run"):
        StackClient.find(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "local", "say", "hi", "--from", "+263772100002", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "make run" in done.stdout
