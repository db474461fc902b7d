"""A payment notice of the school's system: checked, and put on the payment queue."""

import json
import time
from dataclasses import dataclass

from functions.adapters import observability
from functions.adapters.queues import Queue
from functions.adapters.secret_store import SecretStore
from functions.domain.errors import InvalidRequest
from functions.domain.money import Currency
from functions.domain.payments import PaymentNotice, is_signed


@dataclass(frozen=True)
class PaymentNoticeReceiver:
    """The same notice sent again is accepted again and acted on once."""

    secrets: SecretStore
    secret_name: str
    queue: Queue
    currency: Currency  # of the school

    def receive(self, body: bytes, signature: str | None) -> bool:
        """False when the notice is not signed, or too old.

        Raises InvalidRequest for what is no notice, and a ServiceError when it could not be stored.
        """
        if not is_signed(body, signature, self.secrets.get(self.secret_name), time.time()):
            if signature:  # without one it is a scanner, not the school
                observability.count("BadSignatures")
            return False
        try:
            notice = PaymentNotice.read(json.loads(body), self.currency)
        except (ValueError, RecursionError):
            raise InvalidRequest("body", "JSON") from None
        self.queue.send_in_order([(notice.student_id, notice.message_id, notice.as_json())])
        return True
