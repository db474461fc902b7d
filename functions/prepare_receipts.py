"""Claims a payment notice, drops the cached account, and finds out who gets a receipt."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.domain.payments import PaymentNotice


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"notice", "run"}` -> `{"next", "payment", "recipients", "account", "fetch"}`.

    `run` names the execution: its own second try finds its own claim.
    """
    notice = PaymentNotice.read(event.get("notice"))
    return dependencies.receipt_preparer().prepare(notice, str(event.get("run") or "")).as_json()


initialize(dependencies.receipt_preparer)
