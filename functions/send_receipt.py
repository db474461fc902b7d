"""Sends one receipt for a payment to one guardian."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.send_receipt import ReceiptRequest


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"recipient": {"id", "person", "as_template"}, "payment", "account"}` -> `{"status", "reply_id", …}`."""
    return dependencies.receipt_sender().send(ReceiptRequest.parse(event))


initialize(dependencies.receipt_sender)
