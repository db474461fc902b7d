"""The templates of every environment, synthesized once in a session from packages that hold nothing."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from infra.packaging import LAYERS
from infra.paths import ROOT

CONTEXT = json.loads((ROOT / "cdk.json").read_text())["context"]
EXISTING_DATABASE = {
    "identifier": "records",
    "host": "records.abc.eu-west-1.rds.amazonaws.com",
    "resource_id": "db-RECORDS",
    "security_group_id": "sg-0123456789abcdef0",
    "master_secret_arn": "arn:aws:secretsmanager:eu-west-1:111122223333:secret:records-AbCdEf",
    "vpc_id": "vpc-0123456789abcdef0",
    "vpc_cidr": "10.0.0.0/16",
    "availability_zones": ["eu-west-1a", "eu-west-1b"],
    "subnet_ids": ["subnet-0123456789abcdef0", "subnet-0123456789abcdef1"],
    "route_table_ids": ["rtb-0123456789abcdef0", "rtb-0123456789abcdef1"],
}
# What is tested: the two environments of cdk.json, and one that uses a database which is there already.
ENVIRONMENTS = CONTEXT["environments"] | {
    "existing": CONTEXT["environments"]["prod"]
    | {
        "log_level": "ERROR",
        "snap_start": True,
        "provisioned_concurrency": 0,
        "alarm_email": "ops@school.example",
        "database": {"existing": EXISTING_DATABASE},
    }
}


@dataclass(frozen=True)
class Resource:
    """One resource of a template, with everything that it refers to written as text."""

    id: str
    type: str
    stack: str  # network, data, bot or monitoring
    body: Mapping[str, Any]

    @property
    def properties(self) -> Any:
        return self.body.get("Properties", {})

    def __getitem__(self, name: str) -> Any:
        return self.properties[name]


@dataclass(frozen=True)
class Environment:
    """The synthesized stacks of one environment."""

    name: str
    folder: Path
    resources: tuple[Resource, ...]

    def of_type(self, *types: str) -> list[Resource]:
        return [resource for resource in self.resources if resource.type in types]

    def one(self, id: str) -> Resource:
        (found,) = [resource for resource in self.resources if resource.id == id]
        return found

    def function(self, name: str) -> Resource:
        wanted = f"school-{self.name}-{name.replace('_', '-')}"
        (found,) = [item for item in self.of_type("AWS::Lambda::Function") if item["FunctionName"] == wanted]
        return found

    def statements(self, role: Any) -> list[dict[str, Any]]:
        """What a role (a reference to it) allows."""
        id = role["Fn::GetAtt"][0]
        policies = [item for item in self.of_type("AWS::IAM::Policy") if {"Ref": id} in item["Roles"]]
        return [statement for policy in policies for statement in policy["PolicyDocument"]["Statement"]]

    def templates(self) -> list[Path]:
        return sorted(self.folder.glob("*.template.json"))


def actions(statements: list[dict[str, Any]]) -> set[str]:
    return {action for statement in statements for action in as_list(statement["Action"])}


def as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def empty_packages(folder: Path, digest: str = "0") -> dict[str, Path]:
    """Packages with next to nothing in them: what is in the real ones is tested in test_packaging.py."""
    packages = {}
    for name in (*LAYERS, "code"):
        packages[name] = folder / f"{name}-{digest}"
        packages[name].mkdir(parents=True)
        (packages[name] / "empty.txt").write_text(digest)
    return packages


@pytest.fixture(scope="session")
def node() -> Iterator[None]:
    """CDK's constructs run on Node; where the machine has none that is new enough, it comes from PyPI."""
    from infra.node import environment

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PATH", environment()["PATH"])
        yield


@pytest.fixture(scope="session")
def environments(node: None, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Environment]:
    packages = empty_packages(tmp_path_factory.mktemp("packages"))
    try:
        return {name: synthesize(name, tmp_path_factory.mktemp(name), packages) for name in ENVIRONMENTS}
    except RuntimeError as error:  # the message says it all; a trace through CDK's files takes seconds to print
        pytest.fail(str(error), pytrace=False)


def synthesize(name: str, folder: Path, packages: Mapping[str, Path], **catalog: Any) -> Environment:
    """The stacks of one environment; an error if cdk-nag finds something that is not acknowledged.

    `catalog`: other functions, machines or definitions than those of the product.
    """
    from aws_cdk import App

    from infra.app import build
    from infra.settings import Settings

    os.environ.pop("CDK_OUTDIR", None)
    app = App(context={key: value for key, value in CONTEXT.items() if key.startswith("@")}, outdir=str(folder))
    build(app, Settings.load(name, ENVIRONMENTS, CONTEXT["presets"]), packages, **catalog)
    app.synth()
    resources = [
        Resource(id, body["Type"], template.name.removeprefix(f"school-{name}-").split(".")[0], body)
        for template in folder.glob("*.template.json")
        for id, body in json.loads(template.read_text())["Resources"].items()
    ]
    return Environment(name, folder, tuple(resources))


@pytest.fixture(scope="session", params=sorted(ENVIRONMENTS))
def environment(request: pytest.FixtureRequest, environments: dict[str, Environment]) -> Environment:
    """Every environment in turn."""
    return environments[request.param]


@pytest.fixture(scope="session")
def dev(environments: dict[str, Environment]) -> Environment:
    return environments["dev"]


@pytest.fixture(scope="session")
def prod(environments: dict[str, Environment]) -> Environment:
    return environments["prod"]


@pytest.fixture(scope="session")
def existing(environments: dict[str, Environment]) -> Environment:
    return environments["existing"]
