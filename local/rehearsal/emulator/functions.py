"""The deployed functions: each version runs in processes of its own, from the packages that were uploaded."""

import asyncio
import hashlib
import io
import json
import os
import re
import threading
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import psutil
from moto.awslambda.exceptions import UnknownFunctionException
from moto.awslambda.models import LambdaFunction, lambda_backends

from infra.packaging import build_runtime
from local.lambda_service.invocation import Result
from local.lambda_service.pool import CONCURRENCY, Pool
from local.plan import ACCOUNT, REGION, Plan

INSIDE: Final = Path(__file__).parent / "inside.py"


@dataclass(frozen=True)
class Deployed:
    """One version of a function, as far as running it needs."""

    name: str
    handler: str
    timeout: int
    memory: int


@dataclass
class Identity:
    """A role, and the keys with which its functions sign."""

    role: str
    function: str
    access_key: str
    secret_key: str = field(repr=False)


class Functions:
    """All deployed functions."""

    def __init__(self, plan: Plan, authority: Path) -> None:
        self._plan, self._authority = plan, authority
        self._folder = plan.folder / "lambda"
        self._runtime = build_runtime()
        self._pools: dict[str, Pool] = {}
        self._lock = threading.Lock()
        self._slots = asyncio.Semaphore(2 * (os.cpu_count() or 1))
        self.notes = plan.folder / "notes.jsonl"
        self.identities: dict[str, Identity] = {}  # by access key
        self.routes: Callable[[bool], list[list[Any]]] = lambda inside: []  # of the network, for each side
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "inside").mkdir(exist_ok=True)
        (self._folder / "inside" / "inside.py").write_bytes(INSIDE.read_bytes())

    async def invoke(self, function: str, payload: bytes) -> Result:
        """`function`: a name or an ARN, with a version or an alias; UnknownFunctionException without it."""
        pool = await asyncio.to_thread(self._pool, *named(function))  # the first call unpacks
        return await pool.invoke(payload)

    def stop_deleted(self) -> None:
        """End the processes of versions that are no longer deployed, and of those that nobody has called for long."""
        for described, pool in list(self._pools.items()):
            name, qualifier = named(json.loads(described)[0])
            try:
                lambda_backends[ACCOUNT][REGION].get_function(name, qualifier)
            except UnknownFunctionException:
                pool.reset()
            else:
                pool.stop_unused()

    async def close(self) -> None:
        await asyncio.gather(*(pool.close() for pool in self._pools.values()))

    def memory(self) -> dict[str, tuple[float, int]]:
        """Function -> the most that a process of it uses now, and its memory; in MB."""
        found: dict[str, tuple[float, int]] = {}
        for pool in self._pools.values():
            name = pool.function.name
            for process in pool.processes():
                try:
                    peak = psutil.Process(process).memory_full_info().uss / 1e6
                except psutil.Error:
                    continue
                found[name] = max(found.get(name, (0.0, pool.function.memory)), (peak, pool.function.memory))
        return found

    # --- one version -----------------------------------------------------------------------------------------------

    def _pool(self, name: str, qualifier: str | None) -> Pool:
        version = lambda_backends[ACCOUNT][REGION].get_function(name, qualifier)
        described = json.dumps(
            [
                version.function_arn,
                version.code_sha_256,
                version.layers,
                version.environment_vars,
                version.timeout,
                version.memory_size,
                version.handler,
                version.role,
            ]
        )
        with self._lock:
            if described not in self._pools:
                self._pools[described] = self._start(name, version)
            return self._pools[described]

    def _start(self, name: str, version: LambdaFunction) -> Pool:
        function = Deployed(name, str(version.handler), int(version.timeout), int(version.memory_size))
        pool = Pool(function, self._environment(name, version), self._plan.log(name), self._slots)
        pool.runtime = "inside"
        pool.concurrency = int(version.reserved_concurrency or CONCURRENCY)
        return pool

    def _environment(self, name: str, version: LambdaFunction) -> dict[str, str]:
        code = self._unpack(version.code_bytes)
        layers = [self._layer(str(layer["Arn"])) / "python" for layer in version.layers]
        identity = self._identity(name, version.role)
        folders = [*layers, self._runtime, self._folder / "inside"]
        inside = bool(version.vpc_config and version.vpc_config.get("SubnetIds"))
        emulator = {
            "function": name,
            "code": str(code),
            "notes": str(self.notes),
            "authority": str(self._authority),
            "routes": self.routes(inside),
        }
        of_lambda = {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",
            "LAMBDA_TASK_ROOT": str(code),
            "LAMBDA_RUNTIME_DIR": str(self._runtime),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_{version.run_time}",
            "AWS_LAMBDA_FUNCTION_NAME": name,
            "AWS_LAMBDA_FUNCTION_VERSION": str(version.version),
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(version.memory_size),
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "AWS_REGION": REGION,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_ACCESS_KEY_ID": identity.access_key,
            "AWS_SECRET_ACCESS_KEY": identity.secret_key,
            "AWS_SESSION_TOKEN": f"session-of-{identity.access_key}",
            "_HANDLER": str(version.handler),
        }
        clock = {"SCHOOL_TODAY": self._plan.today.isoformat()} if self._plan.today else {}
        return {**version.environment_vars, **of_lambda, **clock, "REHEARSAL": json.dumps(emulator)}

    def _identity(self, function: str, role: str) -> Identity:
        key = "ASIA" + hashlib.sha256(f"{function} {role}".encode()).hexdigest()[:16].upper()
        secret = hashlib.sha256(f"secret of {key}".encode()).hexdigest()
        return self.identities.setdefault(key, Identity(role, function, key, secret))

    def _layer(self, arn: str) -> Path:
        name, version = arn.split(":")[-2:]
        found = lambda_backends[ACCOUNT][REGION].get_layer_version(name, version)
        return self._unpack(found.code_bytes)

    def _unpack(self, archive: bytes) -> Path:
        folder = self._folder / hashlib.sha256(archive).hexdigest()[:16]
        if not folder.exists():
            unfinished = folder.with_suffix(".part")
            with zipfile.ZipFile(io.BytesIO(archive)) as packed:
                packed.extractall(unfinished)
            unfinished.rename(folder)
        return folder


def named(function: str) -> tuple[str, str | None]:
    """(name, version or alias) of a function's name or ARN."""
    name = re.sub(r"^(?:arn:[^:]+:lambda:[^:]*:)?(?:\d{12}:)?(?:function:)?", "", function)
    base, _, qualifier = name.partition(":")
    return base, qualifier or None


def secrets_of(identities: Mapping[str, Identity]) -> dict[str, str]:
    return {key: identity.secret_key for key, identity in identities.items()}
