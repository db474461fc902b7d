"""The emulated account and what is beside it: PostgreSQL, Redis, the simulated WhatsApp, school and OpenAI."""

import contextlib
import json
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Final
from urllib.parse import urlsplit

from infra.paths import ROOT
from infra.settings import Settings
from local.child import ServerError, start, stop
from local.http_client import send
from local.plan import Plan
from local.postgres import Postgres
from local.redis_server import RedisServer

START_SECONDS: Final = 120
# A new instance of RDS has this role, and no `assistant`: the deployment makes that one.
AS_ON_RDS: Final = (
    "ALTER DATABASE school OWNER TO postgres",
    "DROP ROLE assistant",
    "CREATE ROLE rds_iam NOLOGIN",
)


class Emulation:
    """Start it from a thread that lives as long as it should."""

    def __init__(self, plan: Plan, settings: Settings) -> None:
        self.plan, self._settings = plan, settings
        self.postgres = Postgres(plan)
        self.redis = RedisServer(plan)
        self._processes: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "Emulation":
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def seen(self) -> dict[str, Any]:
        """What happened in the account."""
        found: dict[str, Any] = send("GET", f"{self.plan.aws_url}/rehearsal").json()
        return found

    def notes(self) -> list[dict[str, Any]]:
        """What the functions looked up and missed."""
        path = self.plan.folder / "notes.jsonl"
        return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []

    def _start(self) -> None:
        path = self.plan.save()
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        commands = {
            "world": ["-m", "local.world", "--plan", str(path)],
            "aws": ["-m", "local.rehearsal.emulator", "--plan", str(path), "--services", json.dumps(self._services())],
        }
        with ThreadPoolExecutor() as threads:
            for part, command in commands.items():
                self._processes[part] = start([sys.executable, *command], self.plan.log(part), environment=environment)
            self.redis.start()
            redis = threads.submit(self.redis.wait)
            self.postgres.start()
            redis.result()
        self._wait("world", self.plan.world_url)
        self._wait("aws", self.plan.aws_url)

    def _services(self) -> dict[str, tuple[str, str]]:
        """The addresses of the template -> those of the simulated services."""
        world, settings = self.plan.world_url, self._settings
        versioned = {settings.whatsapp_api_url: f"{world}/graph", settings.openai_api_url: f"{world}/openai"}
        found = {urlsplit(url).hostname or "": ("", here) for url, here in versioned.items()}
        school = urlsplit(settings.school_api_url)
        return found | {school.hostname or "": (school.path, f"{world}/school")}

    def _wait(self, part: str, url: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            with contextlib.suppress(OSError):
                if send("GET", f"{url}/ready", timeout=5).status == 200:
                    return
            log = self.plan.log(part)
            if self._processes[part].poll() is not None or time.monotonic() > deadline:
                tail = "\n".join(log.read_text("utf-8", "replace").splitlines()[-15:])
                raise ServerError(f"{part} did not become ready; its log {log} ends:\n{tail}")
            time.sleep(0.1)

    def stop(self) -> None:
        processes, self._processes = self._processes, {}
        for process in processes.values():
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        self.redis.stop()
        self.postgres.stop()
        for process in processes.values():
            stop(process)
