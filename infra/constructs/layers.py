"""The layers and the code package, from the folders that `infra/packaging.py` built."""

from collections.abc import Mapping
from pathlib import Path

from aws_cdk import aws_lambda as lambda_
from constructs import Construct

from infra.constructs.bot_function import ARCHITECTURE, RUNTIME, Package


def package(scope: Construct, folders: Mapping[str, Path]) -> Package:
    """One layer version for each folder, and the code. A folder's name ends in the digest of its content."""
    layers = {
        name: lambda_.LayerVersion(
            scope,
            f"{name.capitalize()}Layer",
            code=_asset(folder),
            description=f"Dependencies: {name}",
            compatible_runtimes=[RUNTIME],
            compatible_architectures=[ARCHITECTURE],
        )
        for name, folder in folders.items()
        if name != "code"
    }
    return Package(code=_asset(folders["code"]), layers=layers)


def _asset(folder: Path) -> lambda_.Code:
    return lambda_.Code.from_asset(str(folder), asset_hash=folder.name)
