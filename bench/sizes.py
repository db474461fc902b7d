"""What is uploaded to Lambda: the layers and the code, zipped, beside their limits."""

from bench.report import Table, Target
from infra.packaging import LAMBDA, LIMITS, MEGABYTE, build_all, zipped_size


def measure() -> Table:
    table = Table("Packages for Lambda (arm64), zipped", ["package", "MB", "targets"])
    for name, folder in build_all(LAMBDA).items():
        size = zipped_size(folder) / MEGABYTE
        target = Target(size, LIMITS[name] / MEGABYTE, " MB", digits=1)
        table.add([name, f"{size:.1f}"], [target], package=name, megabytes=round(size, 2))
    return table
