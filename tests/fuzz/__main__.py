"""Fuzzes the targets with atheris: `make fuzz ARGS="--seconds 600 webhook"`.

New inputs are kept under .build/fuzz/, what breaks a target under .build/fuzz/<target>-crash-…; put it into the corpus.
"""

import argparse
import subprocess
import sys

from tests.fuzz.seeds import folders

NAMES = ("webhook", "intents", "model_reply", "school_api", "payment_event", "pass_page", "graphql")
LONGEST = 4096  # bytes of an input


def main() -> int:
    """Runs each target in a process of its own; 1 if one of them broke."""
    parser = argparse.ArgumentParser(prog="make fuzz", description=__doc__)
    parser.add_argument("targets", nargs="*", metavar="target", help=", ".join(NAMES))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--only", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        fuzz(arguments.only, arguments.seconds)
    unknown = set(arguments.targets) - set(NAMES)
    if unknown:
        parser.error(f"no such target: {', '.join(sorted(unknown))}")
    broken = []
    for name in arguments.targets or NAMES:
        command = [sys.executable, "-m", "tests.fuzz", "--only", name, "--seconds", str(arguments.seconds)]
        if subprocess.run(command).returncode:
            broken.append(name)
    print("No target broke." if not broken else f"Broken: {', '.join(broken)}. The inputs are under .build/fuzz/.")
    return bool(broken)


def fuzz(name: str, seconds: int) -> None:
    """Never returns: atheris ends the process."""
    import atheris

    with atheris.instrument_imports(include=["functions"]):
        from tests.fuzz.targets import TARGETS

    first, *others = folders(name)
    kept = first.parents[3] / ".build" / "fuzz" / name
    kept.mkdir(parents=True, exist_ok=True)
    options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", f"-artifact_prefix={kept}-", "-print_final_stats=1"]
    atheris.Setup([name, *options, str(kept), str(first), *map(str, others)], TARGETS[name])
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
