"""Log groups: each has a retention and is deleted with its stack."""

from aws_cdk import RemovalPolicy
from aws_cdk import aws_kms as kms
from aws_cdk import aws_logs as logs
from constructs import Construct

from infra.settings import RETENTION_DAYS

_RETENTION = {
    days: getattr(logs.RetentionDays, name)
    for days, name in zip(
        RETENTION_DAYS,
        (
            *("ONE_DAY", "THREE_DAYS", "FIVE_DAYS", "ONE_WEEK", "TWO_WEEKS", "ONE_MONTH", "TWO_MONTHS"),
            *("THREE_MONTHS", "FOUR_MONTHS", "FIVE_MONTHS", "SIX_MONTHS", "ONE_YEAR", "THIRTEEN_MONTHS"),
            *("EIGHTEEN_MONTHS", "TWO_YEARS"),
        ),
        strict=True,
    )
}


def log_group(scope: Construct, id: str, name: str, days: int, key: kms.IKey | None = None) -> logs.LogGroup:
    """A log group with a retention of so many days."""
    return logs.LogGroup(
        scope,
        id,
        log_group_name=name,
        retention=_RETENTION[days],
        encryption_key=key,
        removal_policy=RemovalPolicy.DESTROY,
    )
