"""What a function's process is started with: code, layers, runtime and the environment variables of Lambda itself."""

import os
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from infra.catalog import Function
from infra.packaging import LOCAL, build_code, build_layer, build_runtime


@dataclass(frozen=True)
class Packages:
    """The folders that functions run from."""

    code: Path
    runtime: Path
    layers: Mapping[str, Path]

    @classmethod
    def build(cls, names: Iterable[str]) -> "Packages":
        """Build what is missing, in parallel; `names` are those of the layers."""
        with ThreadPoolExecutor() as threads:
            code, runtime = threads.submit(build_code, LOCAL), threads.submit(build_runtime)
            layers = {name: threads.submit(build_layer, name, LOCAL) for name in names}
            return cls(code.result(), runtime.result(), {name: layer.result() for name, layer in layers.items()})

    def environment(self, function: Function) -> dict[str, str]:
        """The variables that Lambda sets, and where the process finds its modules."""
        folders = [*(self.layers[name] / "python" for name in function.layers), self.runtime]
        return {
            "PATH": "/usr/local/bin:/usr/bin:/bin",
            "LANG": "en_US.UTF-8",
            "TZ": ":UTC",
            "PYTHONPATH": os.pathsep.join(map(str, folders)),
            "PYTHONUTF8": "1",
            "PYTHONDONTWRITEBYTECODE": "1",  # on AWS these folders are read-only
            "LAMBDA_TASK_ROOT": str(self.code),
            "LAMBDA_RUNTIME_DIR": str(self.runtime),
            "AWS_EXECUTION_ENV": f"AWS_Lambda_python{LOCAL.python}",
            "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
            "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
            "AWS_LAMBDA_LOG_FORMAT": "JSON",
            "AWS_LAMBDA_LOG_LEVEL": "INFO",
            "_HANDLER": function.handler,
        }
