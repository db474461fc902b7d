"""A payment notice: the cached account is dropped, guardians get receipts, and what was sent is recorded."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection

from functions.adapters import clock, observability
from functions.adapters.cache.account_cache import AccountCache
from functions.adapters.cache.message_claims import Claim, MessageClaims
from functions.adapters.cache.rate_limit import RateLimit
from functions.adapters.cache.redis_client import RedisClient
from functions.adapters.database.connection import Database
from functions.adapters.database.message_log import MessageLog, outcome
from functions.adapters.database.office_requests import OfficeRequests
from functions.adapters.database.senders import Senders
from functions.domain.deliveries import WINDOW
from functions.domain.errors import DataUnavailable
from functions.domain.payments import ExpiredReceipt, PaymentNotice, Receipt
from functions.domain.people import Kind, Person, Student
from functions.domain.school import School
from functions.services.account_lookup import AccountLookup, fetched_at, to_cache

MAX_WAIT: Final = 30  # seconds for the school's rate limit: nobody is waiting
LOGGED_AS: Final = "payment"  # type and intent of notices and receipts in the message log

DONE: Final = "done"  # steps of the payment machine
BUSY: Final = "busy"
SEND_RECEIPTS: Final = "send_receipts"
RECORD_PAYMENT: Final = "record_payment"
CLAIM_STEPS: Final = {Claim.DONE: DONE, Claim.BUSY: BUSY}


@dataclass(frozen=True)
class Prepared:
    """What the payment machine does next, and with what."""

    next: str
    claim: str = ""  # id under which the notice is claimed
    payment: dict[str, Any] | None = None  # a Receipt as JSON, without the account
    recipients: Sequence[dict[str, Any]] = ()  # {"id", "person", "as_template"}
    account: dict[str, Any] | None = None
    fetch: dict[str, Any] | None = None

    def as_json(self) -> dict[str, Any]:
        return {**vars(self), "recipients": list(self.recipients)}


@dataclass(frozen=True)
class ReceiptPreparer:
    """Claims a notice and finds out who gets a receipt."""

    claims: MessageClaims
    accounts: AccountCache
    lookup: AccountLookup
    rate_limit: RateLimit
    redis: RedisClient
    database: Database
    school: School

    def prepare(self, notice: PaymentNotice, run: str) -> Prepared:
        """The receipts of one payment. `run`: name of the execution; its own second try finds its own claim."""
        if step := CLAIM_STEPS.get(self.claims.claim(notice.message_id, run)):
            return Prepared(step)
        observability.count("PaymentNotices")
        try:
            return self._prepare(notice)
        except Exception:  # the next run need not wait until the claim ends by itself
            self.claims.release(notice.message_id, run)
            raise

    def _prepare(self, notice: PaymentNotice) -> Prepared:
        self.accounts.forget(notice.student_id, notice.term)
        with self.database.writer() as connection:  # the primary: an opt-out of this very second counts
            student = Senders(connection).student(notice.student_id)
            proof = OfficeRequests(connection).close_proofs(notice.student_id, notice.message_id)
            recipients = self._recipients(connection, notice, student) if student else []
        if student is None or not recipients:
            return Prepared(RECORD_PAYMENT, notice.message_id)
        payment = Receipt(student, notice.term, notice.amount, proof=proof).as_json()
        return Prepared(SEND_RECEIPTS, notice.message_id, payment, recipients, fetch=self._fetch(notice))

    def prepare_again(self, expired: ExpiredReceipt, run: str) -> Prepared:
        """A receipt that WhatsApp could not deliver within 24 hours, as a template with the same figures."""
        if not self.school.templates.receipt:
            return Prepared(DONE)
        if step := CLAIM_STEPS.get(self.claims.claim(expired.id, run)):
            return Prepared(step)
        stored = self.redis.get("receipt", expired.receipt_id)
        if stored is None:
            return Prepared(DONE)
        person = Person.read(stored.value["person"])
        receipt_id = f"{expired.id}:0"
        if not self._may_be_sent(receipt_id, person):
            return Prepared(DONE)
        receipt = _read_stored(stored.value)
        recipient = {"id": receipt_id, "person": person.as_json(), "as_template": True}
        account = self.lookup.find([receipt.student.id], receipt.term, MAX_WAIT)
        return Prepared(SEND_RECEIPTS, expired.id, receipt.as_json(), [recipient], account.account, account.fetch)

    def _fetch(self, notice: PaymentNotice) -> dict[str, Any] | None:
        """The new figures, for a term that has begun."""
        term = self.school.calendar.find(notice.term)
        if term is None or term.begins > clock.now(self.school.timezone).date():
            return None
        wait = self.rate_limit.reserve(1, MAX_WAIT)
        return None if wait is None else {"student_ids": [notice.student_id], "term": notice.term, "wait": int(wait)}

    def _recipients(self, connection: Connection, notice: PaymentNotice, student: Student) -> list[dict[str, Any]]:
        """Each guardian who may be written to, without those who have their receipt: a notice may come again."""
        window_began = datetime.now(UTC) - WINDOW
        log = MessageLog(connection)
        contacts = {
            f"{notice.message_id}:{row.id}": row for row in Senders(connection).contacts_for_receipts(student.id)
        }
        sent = self.claims.done(list(contacts))  # the log does not know of what was sent while the database was down
        found = []
        for receipt_id, contact in contacts.items():
            is_closed = contact.last_message_at is None or contact.last_message_at < window_began
            if (is_closed and not self.school.templates.receipt) or receipt_id in sent or log.was_answered(receipt_id):
                continue
            # The number may have been handed on to someone else; the user id ends with its owner.
            phone = None if contact.bsuid else contact.phone
            person = Person(Kind.REGISTERED, phone, contact.bsuid, (student,), contact.profile_name)
            found.append({"id": receipt_id, "person": person.as_json(), "as_template": is_closed})
        return found

    def _may_be_sent(self, receipt_id: str, person: Person) -> bool:
        """Whether the person wants it and has not got it from an earlier run; False when the database is down."""
        try:
            with self.database.writer() as connection:
                if self.claims.done([receipt_id]) or MessageLog(connection).was_answered(receipt_id):
                    return False
                return Senders(connection).may_be_written_to(person.phone, person.bsuid)
        except DataUnavailable:
            return False


@dataclass(frozen=True)
class PaymentRecorder:
    """Records receipts and, at the end, the payment."""

    claims: MessageClaims
    redis: RedisClient
    database: Database

    def record_receipt(self, recipient: Mapping[str, Any], payment: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        """One receipt that was sent, and its content, in case WhatsApp cannot deliver it within 24 hours."""
        person = Person.read(recipient["person"])
        self.claims.mark_done([str(recipient["id"])])
        self.redis.store({"person": person.as_json(), "payment": dict(payment)}, "receipt", str(recipient["id"]))
        with self.database.writer() as connection:
            values = outcome(LOGGED_AS, sent, apology=False)
            MessageLog(connection).record(str(recipient["id"]), values, sender=person.key, type=LOGGED_AS)

    def record_payment(self, claim: str, account: Mapping[str, Any] | None, lost: int) -> None:
        """The claim as done and the new figures. `lost`: receipts that could not be sent.

        Raises DataUnavailable when neither store could be written.
        """
        if lost:
            observability.count("ReceiptsLost", lost)
            observability.logger().error("receipts lost", digest=observability.digest(claim), lost=lost)
        cached = self.claims.finish(
            claim,
            term=str(account["term"]) if account else "",
            accounts=to_cache(account) if account else None,
            fetched_at=fetched_at(account),
        )
        try:
            with self.database.writer() as connection:
                MessageLog(connection).record(claim, outcome(LOGGED_AS, {}, apology=False), type=LOGGED_AS)
        except DataUnavailable:
            if not cached:
                raise


def _read_stored(value: Mapping[str, Any]) -> Receipt:
    """A receipt from the cache; release 0.1 stored the student and the term in a plan."""
    if plan := value.get("plan"):
        return Receipt.read({**value["payment"], "student": plan["students"][0], "term": plan["term"]})
    return Receipt.read(value["payment"])
