"""Whether the stacks are as their last deployment meant them, and the schema as their code expects it."""

from collections.abc import Iterator
from typing import Final

from infra.operations.environment import Environment
from infra.operations.findings import Finding
from infra.paths import ROOT

SETTLED: Final = ("CREATE_COMPLETE", "UPDATE_COMPLETE", "IMPORT_COMPLETE")
MIGRATIONS: Final = ROOT / "functions" / "migrations" / "versions"
SCHEMA: Final = "Custom::SchemaMigration"


def check_stacks(environment: Environment) -> Iterator[Finding]:
    for name, stack in environment.stacks.items():
        full = environment.prefix + name
        if stack is None:
            yield Finding(f"stack {full}", "does not exist", f"make deploy ENV={environment.name}")
            continue
        status = stack["StackStatus"]
        events = f"aws cloudformation describe-stack-events --stack-name {full}"
        yield Finding(f"stack {full}", status, "" if status in SETTLED else events)


def check_schema(environment: Environment) -> Iterator[Finding]:
    """The last migration: when, how many, and whether this checkout has more."""
    here = len(list(MIGRATIONS.glob("*.py")))
    for resource in environment.resources(SCHEMA):
        declared = environment.template("bot")["Resources"][resource.logical_id]["Properties"]
        deployed = int(declared["Migrations"])
        text = f"{deployed} migrations, the last deployed {resource.updated}"
        if not resource.status.endswith("_COMPLETE"):
            log = f"aws logs tail /aws/lambda/{environment.prefix}migrate --since 1d"
            yield Finding("schema", f"{resource.status}: {text}", log)
        elif deployed < here:
            yield Finding("schema", f"{text}; this checkout has {here}", f"make deploy ENV={environment.name}")
        else:
            yield Finding("schema", text)
