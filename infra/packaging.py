"""Builds the dependency layers and the code package without Docker.

`build_layer` and `build_code` return a folder in `.build/` that is named by the content it was made from: a second
call builds nothing, and a change of the code rebuilds no layer. The CDK app builds for `LAMBDA`, the local stack for
`LOCAL`.

    python -m infra.packaging                        # builds for Lambda, prints the sizes beside their limits
    python -m infra.packaging find-loaded-modules    # renews functions/layers/loaded.txt; part of `make lock`
"""

import hashlib
import os
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, cast

from uv import find_uv_bin

from infra import byte_code
from infra.catalog import FUNCTIONS
from infra.paths import BUILD, ROOT

REQUIREMENTS: Final = ROOT / "functions" / "layers"
LOADED: Final = REQUIREMENTS / "loaded.txt"  # the modules worth byte code; written by `make lock`
LAYERS: Final = tuple(dict.fromkeys(layer for function in FUNCTIONS for layer in function.layers))
KEPT_BUILDS: Final = 3  # of each package and target, and all of the last day: a running stack may still use one
KEPT_SECONDS: Final = 24 * 3600

MEGABYTE: Final = 1_000_000
LIMITS: Final = {  # zipped
    "core": 10 * MEGABYTE,
    "graph": 6 * MEGABYTE,
    "pdf": 15 * MEGABYTE,
    "ai": 8 * MEGABYTE,
    "code": 1.2 * MEGABYTE,
}


class PackagingError(Exception):
    """A package could not be built; the message says what to do about it."""


@dataclass(frozen=True)
class Target:
    """The machine that a package is for."""

    name: str
    python: str  # minor version
    platform: str | None  # uv's name for it; None: this machine
    mounted_at: dict[str, str]  # the folder as tracebacks name it


# manylinux_2_28: with `manylinux2014` an older Pillow is picked silently. The runtime has glibc 2.34.
LAMBDA: Final = Target("lambda", "3.13", "aarch64-manylinux_2_28", {"layer": "/opt", "code": "/var/task"})
LOCAL: Final = Target("local", byte_code.HERE, None, {})


# --- what is excluded -------------------------------------------------------------------------------------------------

# Folders that hold tests, or data of features that nothing here uses. Never `docs`: in botocore it holds code.
UNUSED_FOLDERS: Final = frozenset(
    {
        "bin",
        "__pycache__",
        "alembic/templates",
        "alembic/testing",
        "aws_lambda_powertools/event_handler",
        "aws_lambda_powertools/utilities/data_masking",
        "aws_lambda_powertools/utilities/feature_flags",
        "aws_lambda_powertools/utilities/idempotency",
        "aws_lambda_powertools/utilities/kafka",
        "aws_lambda_powertools/utilities/parser",
        "aws_lambda_powertools/utilities/streaming",
        "aws_lambda_powertools/utilities/validation",
        "dateutil/zoneinfo",
        "phonenumbers/carrierdata",
        "phonenumbers/geodata",
        "phonenumbers/tzdata",
        "reportlab/graphics/samples",
        "sqlalchemy/dialects/mssql",
        "sqlalchemy/dialects/mysql",
        "sqlalchemy/dialects/oracle",
        "sqlalchemy/ext/asyncio",
        "sqlalchemy/ext/mypy",
        "sqlalchemy/testing",
    }
)
UNUSED_ENDINGS: Final = (".lock", ".pyi", ".pyx", ".pxd", ".c", ".h", ".a", ".afm", ".pfb", ".pfm", ".exe", "py.typed")
# Image formats and tools of Pillow that drawing a PDF never opens; reportlab itself imports PIL.Image.
UNUSED_FILES: Final = re.compile(
    r"PIL/_(avif|webp|imagingtk|imagingcms|imagingmath|imagingmorph|imagingft)\..*so"
    r"|pillow\.libs/lib(avif|webp|webpmux|webpdemux|sharpyuv|lcms2|freetype|harfbuzz|brotli\w*)-.*"
    r"|reportlab/fonts/.*"  # the documents bring the font that they embed
)


def _is_unused(path: Path) -> bool:
    """True for a file that Lambda never reads; `path` is relative to the `python` folder."""
    folders = path.parts[:-1]
    prefixes = {"/".join(folders[: depth + 1]) for depth in range(len(folders))}
    if prefixes & UNUSED_FOLDERS or {"tests", "__pycache__"} & set(folders):
        return True
    if folders and folders[0].endswith(".dist-info"):
        # Without any METADATA scramp (so pg8000) and httpx2 (so openai) fail.
        return path.name not in {"METADATA", "entry_points.txt"}
    return path.name.endswith(UNUSED_ENDINGS) or UNUSED_FILES.fullmatch(path.as_posix()) is not None


def _trim(python: Path) -> None:
    for path in sorted(python.rglob("*"), reverse=True):  # files before the folders that hold them
        relative = path.relative_to(python)
        if path.is_dir() and not path.is_symlink():
            if not any(path.iterdir()):
                path.rmdir()
        elif _is_unused(relative):
            path.unlink()
        elif path.name == "METADATA":
            path.write_bytes(path.read_bytes().split(b"\n\n", 1)[0] + b"\n")  # its header, without the long text
        elif ".so" in path.suffixes:
            path.write_bytes(without_debug_sections(path.read_bytes()))


def without_debug_sections(library: bytes) -> bytes:
    """A shared library for 64-bit Linux without what only a debugger reads; anything else as it is.

    SQLAlchemy's are four fifths debug information. What the loader maps is listed in the program headers and lies
    first; the sections after it go, and with them their table.
    """
    if library[:6] != b"\x7fELF\x02\x01":
        return library
    program_headers = struct.unpack_from("<Q", library, 0x20)[0]
    size, count = struct.unpack_from("<HH", library, 0x36)
    end = program_headers + size * count
    for header in range(program_headers, end, size):
        offset, in_file = struct.unpack_from("<8xQ16xQ", library, header)
        end = max(end, offset + in_file)
    stripped = bytearray(library[:end])
    struct.pack_into("<Q", stripped, 0x28, 0)  # no section table,
    struct.pack_into("<HHH", stripped, 0x3A, 0, 0, 0)  # so no entries in it
    return bytes(stripped)


def _compile(folder: Path, paths: Iterable[Path], target: Target, mounted_at: str | None) -> None:
    """Byte code for these modules; `mounted_at` is where the folder will lie, for tracebacks (None: where it is)."""
    if compiler := byte_code.compiler(target.python):
        compiler.write(folder, paths, mounted_at)


# --- layers ----------------------------------------------------------------------------------------------------------


def pinned(requirements: str) -> dict[str, str]:
    """Package name -> its whole entry (version, marker, hashes) in a lock file written by `make lock`."""
    entries = re.split(r"\n(?=[A-Za-z0-9])", "\n" + requirements)
    return {match[0]: entry.strip() for entry in entries if (match := re.match(r"[\w.-]+(?===)", entry.strip()))}


def _layer_requirements(name: str) -> str:
    """The pinned packages of a layer; those that the core layer holds already are left out of the others."""
    packages = pinned((REQUIREMENTS / f"{name}.txt").read_text())
    if name != "core":
        core = pinned((REQUIREMENTS / "core.txt").read_text())
        for repeated in packages.keys() & core.keys():
            version = re.compile(r"==([^\s;\\]+)")
            if version.findall(packages[repeated])[:1] != version.findall(core[repeated])[:1]:
                raise PackagingError(f"{repeated} differs between layers core and {name}: run `make lock`")
            del packages[repeated]
    return "\n".join(packages[package] for package in sorted(packages)) + "\n"


def install(requirements: str, folder: Path, target: Target) -> None:
    """Installs pinned, hashed wheels into a folder, for a platform that may not be this one."""
    platform = ["--python-platform", target.platform] if target.platform else []
    with tempfile.NamedTemporaryFile("w", suffix=".txt") as file:
        file.write(requirements)
        file.flush()
        outcome = subprocess.run(
            [
                *(find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--target", str(folder), *platform),
                *("--python", sys.executable, "--python-version", target.python, "--only-binary", ":all:"),
                *("--no-deps", "--require-hashes", "--link-mode", "copy", "--requirement", file.name),
            ],
            capture_output=True,
            text=True,
            check=False,
        )
    if outcome.returncode:
        raise PackagingError(f"uv could not install the packages of {folder.name}:\n{outcome.stderr.strip()}")


def build_layer(name: str, target: Target) -> Path:
    """The folder of a layer, holding `python/…`; built only if nothing was built from the same content before."""
    requirements = _layer_requirements(name)
    loaded = LOADED.read_text().split()

    def build(folder: Path) -> None:
        install(requirements, folder / "python", target)
        _trim(folder / "python")
        paths = [path for module in loaded if (folder / (path := Path("python", module))).is_file()]
        _compile(folder, paths, target, target.mounted_at.get("layer"))

    return build_once(f"layer-{name}", target, [requirements.encode(), LOADED.read_bytes()], build)


def find_loaded_modules() -> str:
    """The files of the layers that `functions/layers/loads.py` loads, relative to the `python` folder, one a line."""
    script = (
        "import sys; import functions.layers.loads as loads; getattr(loads, sys.argv[1])();"
        "print(*(m.__file__ for m in list(sys.modules.values()) if getattr(m, '__file__', None)), sep='\\n')"
    )
    found: set[str] = set()
    for name in LAYERS:
        folders = [build_layer(layer, LOCAL) / "python" for layer in dict.fromkeys(("core", name))]
        loaded = subprocess.run(
            [sys.executable, "-s", "-c", script, name],
            check=True,
            capture_output=True,
            text=True,
            cwd=ROOT,
            env={"PYTHONPATH": os.pathsep.join(map(str, folders))},
        ).stdout
        for line in loaded.splitlines():
            found.update(
                Path(line).relative_to(folder).as_posix() for folder in folders if folder in Path(line).parents
            )
    return "".join(f"{module}\n" for module in sorted(found) if module.endswith(".py"))


# --- the runtime, for this machine -----------------------------------------------------------------------------------

# What AWS's own Python runtime offers to every function, besides the standard library.
RUNTIME_PACKAGES: Final = (
    *("awslambdaric", "snapshot-restore-py", "simplejson"),
    *("boto3", "botocore", "s3transfer", "jmespath", "python-dateutil", "six", "urllib3"),
)


def build_runtime() -> Path:
    """A folder with AWS's runtime client and boto3, to be the last on a local function's path, as on AWS."""
    packages = pinned((ROOT / "requirements-local.txt").read_text())
    requirements = "\n".join(packages[name] for name in RUNTIME_PACKAGES)

    def build(folder: Path) -> None:
        install(requirements, folder, LOCAL)
        _compile(folder, [path.relative_to(folder) for path in folder.rglob("*.py")], LOCAL, None)

    return build_once("runtime", LOCAL, [requirements.encode()], build)


# --- code ------------------------------------------------------------------------------------------------------------

CODE_FOLDERS: Final = ("functions", "config")


def _code_files() -> list[Path]:
    """The files of the code package, relative to the repository's root."""
    files = (path for folder in CODE_FOLDERS for path in (ROOT / folder).rglob("*") if path.is_file())
    relative = (path.relative_to(ROOT) for path in files)
    return sorted(
        path
        for path in relative
        if REQUIREMENTS.relative_to(ROOT) not in path.parents
        and "__pycache__" not in path.parts
        and not any(part.startswith(".") for part in path.parts)
    )


def build_code(target: Target) -> Path:
    """The folder of the code package: `functions/` and `config/` side by side."""
    contents = [(path, (ROOT / path).read_bytes()) for path in _code_files()]

    def build(folder: Path) -> None:
        for path, content in contents:
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            (folder / path).write_bytes(content)
        modules = [path for path, _ in contents if path.suffix == ".py"]
        _compile(folder, modules, target, target.mounted_at.get("code"))

    return build_once(
        "code", target, [part for path, content in contents for part in (str(path).encode(), content)], build
    )


# --- building once ---------------------------------------------------------------------------------------------------


def build_once(name: str, target: Target, contents: Iterable[bytes], build: Callable[[Path], None]) -> Path:
    """`.build/<target>/<name>-<digest>`, made by `build` if it is not there; safe when two processes ask at once."""
    compiler = byte_code.compiler(target.python)
    made_by = [
        *(Path(module.__file__ or "").read_bytes() for module in (byte_code, sys.modules[__name__])),
        *(str(target).encode(), (compiler.name if compiler else "").encode()),
    ]
    digest = hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in [*made_by, *contents])).hexdigest()
    finished = BUILD / target.name / f"{name}-{digest[:16]}"
    if finished.is_dir():
        os.utime(finished)  # in use: not the one to prune
        return finished
    finished.parent.mkdir(parents=True, exist_ok=True)
    unfinished = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=finished.parent))
    try:
        build(unfinished)
        _make_uniform(unfinished)
        try:
            unfinished.rename(finished)
        except OSError:
            if not finished.is_dir():  # else another process was quicker
                raise
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)
    _prune(finished.parent, name)
    return finished


def _make_uniform(folder: Path) -> None:
    """The same modes everywhere, so that the same content gives the same package on every machine."""
    folder.chmod(0o755)
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)


def _prune(folder: Path, name: str) -> None:
    builds = [path for path in folder.iterdir() if re.fullmatch(rf"{name}-[0-9a-f]{{16}}", path.name)]
    for old in sorted(builds, key=lambda path: path.stat().st_mtime)[:-KEPT_BUILDS]:
        if time.time() - old.stat().st_mtime > KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)


# --- sizes -----------------------------------------------------------------------------------------------------------


class _Counter:
    """A file that only counts what is written to it."""

    def __init__(self) -> None:
        self.size = 0

    def write(self, data: bytes) -> int:
        self.size += len(data)
        return len(data)

    def flush(self) -> None:
        """Nothing is buffered."""


def zipped_size(path: Path) -> int:
    """Bytes of the folder as the archive that is uploaded."""
    counter = _Counter()
    with zipfile.ZipFile(cast(IO[bytes], counter), "w", zipfile.ZIP_DEFLATED) as archive:
        for file in sorted(path.rglob("*")):
            if file.is_file():
                entry = zipfile.ZipInfo(file.relative_to(path).as_posix())
                archive.writestr(entry, file.read_bytes(), zipfile.ZIP_DEFLATED)
    return counter.size


def build_all(target: Target, progress: Callable[[str], object] = lambda _: None) -> dict[str, Path]:
    """Every layer and the code package: name -> folder. `progress` gets each name before it is built."""

    def build(name: str) -> Path:
        progress(name)
        return build_code(target) if name == "code" else build_layer(name, target)

    return {name: build(name) for name in (*LAYERS, "code")}


def size_table(sizes: dict[str, int]) -> str:
    """The zipped sizes beside their limits, for people."""
    rows = [f"{'package':10} {'zipped':>8}  {'limit':>6}"]
    for name, size in sizes.items():
        limit = LIMITS[name]
        too_big = "  over its limit" if size > limit else ""
        rows.append(f"{name:10} {size / MEGABYTE:5.1f} MB  {limit / MEGABYTE:4.1f} MB{too_big}")
    return "\n".join(rows)


def over_limit(sizes: dict[str, int]) -> list[str]:
    """Names of the packages that are too big."""
    return [name for name, size in sizes.items() if size > LIMITS[name]]


def _build_with_progress() -> dict[str, Path]:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("building {task.description:5}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bars:
        task = bars.add_task("", total=len(LAYERS) + 1, completed=-1)
        return build_all(LAMBDA, lambda name: bars.update(task, advance=1, description=name))


def main() -> int:
    if sys.argv[1:] == ["find-loaded-modules"]:
        LOADED.write_text(find_loaded_modules())
        return 0
    sizes = {name: zipped_size(folder) for name, folder in _build_with_progress().items()}
    print(size_table(sizes))
    return 1 if over_limit(sizes) else 0


if __name__ == "__main__":
    sys.exit(main())
