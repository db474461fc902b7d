"""The same name in the spellings of Python, CloudFormation and AWS."""

import re
from typing import Final

ALIAS: Final = "live"  # of every function: the HTTP API, the events queue and the schedules call it


def camel_case(name: str) -> str:
    """fetch_fees -> FetchFees; messages-dead -> MessagesDead."""
    return "".join(part.capitalize() for part in re.split("[_-]", name))


def kebab_case(name: str) -> str:
    """FailedDeliveries or failed_deliveries -> failed-deliveries."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", name).replace("_", "-").lower()
