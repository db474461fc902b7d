"""Child processes that end with their parent, however it ends.

    process = start(["redis-server", "--port", "6379"], log=folder / "redis.log")

The command is executed through this file, which changes the user where asked and ties the process to its parent.
"""

import contextlib
import ctypes
import os
import pwd
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

_SET_PARENT_DEATH_SIGNAL: Final = 1  # PR_SET_PDEATHSIG


class ServerError(RuntimeError):
    """A server is missing on this machine or does not start; the text says what to do."""


def start(
    command: Sequence[str | Path],
    log: Path,
    *,
    user: str | None = None,
    death_signal: int = signal.SIGKILL,
    environment: Mapping[str, str] | None = None,
) -> subprocess.Popen[bytes]:
    """Start a command whose output goes to `log` and which gets `death_signal` when the calling thread ends.

    Call it from a thread that lives as long as the process should: Linux watches the thread.
    `user` is the account to run as; only root can give one.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    arguments = [str(death_signal), user or "", str(os.getpid()), *map(str, command)]
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-I", "-S", __file__, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=None if environment is None else dict(environment),
            start_new_session=True,  # so that Ctrl-C reaches only the parent, which stops its children in order
        )


def die_with_parent(death_signal: int = signal.SIGKILL, parent: int | None = None) -> None:
    """Get `death_signal` when the parent ends; at once if it has ended already."""
    parent = os.getppid() if parent is None else parent
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_SET_PARENT_DEATH_SIGNAL, int(death_signal), 0, 0, 0)
    else:
        threading.Thread(target=_watch, args=(parent, death_signal), daemon=True).start()
    if os.getppid() != parent:
        os.kill(os.getpid(), death_signal)


def stop(process: subprocess.Popen[bytes], stop_signal: int = signal.SIGTERM, seconds: float = 5) -> None:
    """Send the signal; kill the process if it has not ended after `seconds`."""
    with contextlib.suppress(ProcessLookupError):
        process.send_signal(stop_signal)
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _watch(parent: int, death_signal: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os.kill(os.getpid(), death_signal)


def _main(death_signal: str, user: str, parent: str, *command: str) -> None:
    if user:
        account = pwd.getpwnam(user)
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
    die_with_parent(int(death_signal), int(parent))  # after the change of user, which would clear it
    os.execvp(command[0], command)  # noqa: S606


if __name__ == "__main__":
    _main(*sys.argv[1:])
