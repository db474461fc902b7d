"""Records a payment notice as done, and caches the new figures."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"claim", "account": fetched or null, "lost": receipts not sent}` -> `{}`; raises DataUnavailable."""
    recorder = dependencies.payment_recorder()
    recorder.record_payment(str(event["claim"]), event.get("account"), int(event.get("lost") or 0))
    return {}


initialize(dependencies.payment_recorder)
