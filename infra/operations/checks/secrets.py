"""Whether each secret has a value. The values are not read."""

from collections.abc import Iterator

from infra.operations.environment import Environment
from infra.operations.findings import Finding


def check_secrets(environment: Environment) -> Iterator[Finding]:
    client = environment.client("secretsmanager")
    full = 0
    for resource in environment.resources("AWS::SecretsManager::Secret"):
        described = client.describe_secret(SecretId=resource.physical_id)
        stages = [stage for found in described.get("VersionIdsToStages", {}).values() for stage in found]
        if "AWSCURRENT" in stages:
            full += 1
            continue
        name = described["Name"]
        put = f"aws secretsmanager put-secret-value --secret-id {name} --secret-string file://value.txt"
        yield Finding(f"secret {name}", "has no value", put)
    if full:
        yield Finding("secrets", f"{full} have a value")
