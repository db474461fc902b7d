"""Whether the functions can be called, and all calls go to one version of each."""

from collections.abc import Iterator
from typing import Final

from infra.operations.environment import Environment
from infra.operations.findings import Finding

READY: Final = ("Active", "Successful")


def check_functions(environment: Environment) -> Iterator[Finding]:
    client = environment.client("lambda")
    ready = 0
    for resource in environment.resources("AWS::Lambda::Function"):
        found = client.get_function_configuration(FunctionName=resource.physical_id)
        state, update = found.get("State", "Active"), found.get("LastUpdateStatus", "Successful")
        if (state, update) == READY:
            ready += 1
            continue
        reason = found.get("StateReason") or found.get("LastUpdateStatusReason") or ""
        call = f"aws lambda get-function-configuration --function-name {resource.physical_id}"
        yield Finding(f"function {resource.physical_id}", f"{state}, update {update}. {reason}".strip(), call)
    yield Finding("functions", f"{ready} are active")


def check_aliases(environment: Environment) -> Iterator[Finding]:
    """An alias with weights sends some calls to another version: a release is under way, or was left half done."""
    client = environment.client("lambda")
    whole = 0
    for resource in environment.resources("AWS::Lambda::Alias"):
        function, alias = resource.physical_id.split(":")[-2:]
        found = client.get_alias(FunctionName=function, Name=alias)
        weights = (found.get("RoutingConfig") or {}).get("AdditionalVersionWeights") or {}
        if not weights:
            whole += 1
            continue
        shares = ", ".join(f"{share:.0%} to version {version}" for version, share in weights.items())
        text = f"version {found['FunctionVersion']}, but {shares}"
        yield Finding(
            f"alias {function}:{alias}", text, f"aws lambda get-alias --function-name {function} --name {alias}"
        )
    yield Finding("aliases", f"{whole} send every call to one version")
