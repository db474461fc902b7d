"""Whether the account is allowed what a rush needs."""

from collections.abc import Iterator
from typing import Final

from botocore.exceptions import ClientError

from infra.operations.environment import Environment
from infra.operations.findings import Finding

ENOUGH_CONCURRENCY: Final = 100  # a new account has 10: one message needs two functions at once
QUOTA: Final = "L-B99A9384"  # Lambda, concurrent executions
REQUEST: Final = (
    f"aws service-quotas request-service-quota-increase --service-code lambda --quota-code {QUOTA} --desired-value 1000"
)


def check_concurrency(environment: Environment) -> Iterator[Finding]:
    limits = environment.client("lambda").get_account_settings()["AccountLimit"]
    allowed, free = limits["ConcurrentExecutions"], limits["UnreservedConcurrentExecutions"]
    text = f"{allowed} functions at once, {free} of them not reserved"
    yield Finding("quota Lambda", text, "" if free >= ENOUGH_CONCURRENCY else REQUEST)


def check_pipe_quotas(environment: Environment) -> Iterator[Finding]:
    """Shown for comparison with the load; the values that AWS gives are far above a school's."""
    try:
        pages = environment.client("service-quotas").get_paginator("list_service_quotas")
        found = [quota for page in pages.paginate(ServiceCode="pipes") for quota in page["Quotas"]]
    except ClientError as error:
        code = error.response["Error"]["Code"]
        todo = "look at Service Quotas, EventBridge Pipes in the console"
        yield Finding("quota Pipes", f"could not be read ({code})", todo)
        return
    values = ", ".join(f"{quota['QuotaName']}: {quota['Value']:.0f}" for quota in found)
    yield Finding("quota Pipes", values or "AWS lists none")
