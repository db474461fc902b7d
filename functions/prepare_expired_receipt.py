"""Prepares a receipt that WhatsApp could not deliver within 24 hours to be sent again as a template."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.domain.payments import ExpiredReceipt


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"notice": {"id", "expired_receipt"}, "run"}` -> as `prepare_receipts`."""
    expired = ExpiredReceipt.read(event.get("notice") or {})
    return dependencies.receipt_preparer().prepare_again(expired, str(event.get("run") or "")).as_json()


initialize(dependencies.receipt_preparer)
