"""Thanks a guardian for a payment."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from functions.adapters import clock
from functions.domain import wording
from functions.domain.accounts import Account
from functions.domain.payments import Receipt
from functions.domain.people import Person
from functions.domain.school import School
from functions.services.outbound import Outbound


@dataclass(frozen=True)
class ReceiptRequest:
    """One receipt for one guardian."""

    id: str  # `payment:<notice>:<contact>`
    person: Person
    receipt: Receipt
    as_template: bool  # the guardian's 24-hour window is closed

    @classmethod
    def parse(cls, event: Mapping[str, Any]) -> "ReceiptRequest":
        """From `{"recipient": {"id", "person", "as_template"}, "payment", "account"}`; the payment as JSON."""
        recipient, account = event["recipient"], event.get("account")
        receipt = Receipt.read(event["payment"], Account.read(account) if account else None)
        return cls(str(recipient["id"]), Person.read(recipient["person"]), receipt, bool(recipient["as_template"]))


@dataclass(frozen=True)
class ReceiptSender:
    """The words are in `domain/wording.py`."""

    outbound: Outbound
    school: School

    def send(self, request: ReceiptRequest) -> dict[str, Any]:
        """Send one receipt; returns what `Outbound.send` does."""
        template = wording.receipt_template(request.receipt, self.school)
        reply = None
        if not request.as_template:
            reply = wording.compose_receipt(request.receipt, self.school, clock.now(self.school.timezone))
        return self.outbound.send(reply, template, request.person, request.id)
