"""Records a receipt that was sent."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"recipient", "payment", "sent"}` -> `{}`; raises DataUnavailable."""
    dependencies.payment_recorder().record_receipt(event["recipient"], event["payment"], event.get("sent") or {})
    return {}


initialize(dependencies.payment_recorder)
