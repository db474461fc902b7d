"""The checks of `make doctor`, in the order in which they are shown. Each yields findings, and reads only."""

from collections.abc import Callable, Iterator
from typing import Final

from infra.operations.checks.alarms import check_alarms, check_subscriptions
from infra.operations.checks.functions import check_aliases, check_functions
from infra.operations.checks.queues import check_pipes, check_queues
from infra.operations.checks.quotas import check_concurrency, check_pipe_quotas
from infra.operations.checks.secrets import check_secrets
from infra.operations.checks.stacks import check_schema, check_stacks
from infra.operations.checks.whatsapp import check_whatsapp
from infra.operations.environment import Environment
from infra.operations.findings import Finding

Check = Callable[[Environment], Iterator[Finding]]

CHECKS: Final[tuple[Check, ...]] = (
    check_stacks,
    check_schema,
    check_secrets,
    check_functions,
    check_aliases,
    check_queues,
    check_pipes,
    check_alarms,
    check_subscriptions,
    check_concurrency,
    check_pipe_quotas,
    check_whatsapp,
)
