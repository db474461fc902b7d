"""Records what WhatsApp tells us besides messages: delivery statuses, reactions, changed numbers, notices."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select
from sqlalchemy.dialects.postgresql import insert

from functions.adapters import observability
from functions.adapters.cache.message_claims import MessageClaims
from functions.adapters.cache.sender_cache import SenderCache
from functions.adapters.database.connection import Database
from functions.adapters.database.contacts import Contacts, identified_by
from functions.adapters.database.feedback import Feedback
from functions.adapters.database.notices import Notices
from functions.adapters.database.office_requests import OfficeRequests
from functions.adapters.database.tables import contacts, message_log
from functions.adapters.whatsapp.error_codes import OPERATOR, STOPPED, operator_trouble
from functions.domain.deliveries import HANDED_TO_OFFICE_TIME, advance, rating_of
from functions.domain.errors import DataUnavailable
from functions.domain.messages import OFFICE_NOTICE, phone_of, unix_seconds, written_at

Event = Mapping[str, Any]


@dataclass(frozen=True)
class DeliveryRecorder:
    """One transaction for one record of the events queue, or one for each event if one of them cannot be recorded.

    Repeated events change nothing.
    """

    claims: MessageClaims
    senders: SenderCache
    database: Database

    def record(self, events: Sequence[Event]) -> None:
        """Record these events; raises DataUnavailable when the database is down.

        An event that cannot be recorded raises its error after all others have been recorded.
        """
        self.claims.mark_done(answered_messages(events))
        try:
            self._write(events)
        except DataUnavailable:
            raise
        except Exception:
            if len(events) == 1:
                raise
            self._write_each(events)

    def _write_each(self, events: Sequence[Event]) -> None:
        failures: list[Exception] = []
        for event in events:
            try:
                self._write([event])
            except DataUnavailable:
                raise
            except Exception as error:
                failures.append(error)
        if failures:
            observability.logger().error("events not recorded among others", failed=len(failures), of=len(events))
            raise failures[0]

    def _write(self, events: Sequence[Event]) -> None:
        with self.database.writer() as connection:
            writer = EventWriter(connection)
            changed = [sender for event in in_lock_order(events) for sender in writer.write(event)]
            requests = OfficeRequests(connection)
            not_notified = requests.senders_with_failed_notification(failed_notifications(events))
            handed = {sender: requests.has_conversation([sender]) for sender in not_notified}
        if changed:  # a replica that is behind would bring back what was before
            self.senders.forget_person(*changed, min_wal=self.database.wal_position())
        for sender, until in writer.with_office.items():
            seconds = max(int((until - datetime.now(UTC)).total_seconds()), 1)
            self.senders.set_handed_to_office(sender, handed=True, seconds=seconds)
        for sender, is_handed in handed.items():  # nobody at the office knows of the request: the bot answers again
            self.senders.set_handed_to_office(sender, handed=is_handed)


def answered_messages(events: Sequence[Event]) -> list[str]:
    """Messages that were certainly answered: a status of our answer has come."""
    return [event["answer_to"] for event in events if event.get("answer_to") and event.get("status") != "failed"]


def in_lock_order(events: Sequence[Event]) -> list[Event]:
    """Statuses by message, so that two batches that share messages lock their rows in the same order."""
    statuses = [event for event in events if event.get("kind") == "status"]
    others = [event for event in events if event.get("kind") != "status"]
    return sorted(statuses, key=lambda event: str(event.get("answer_to") or event["id"])) + others


def failed_notifications(events: Sequence[Event]) -> list[str]:
    """Messages about which the office could not be notified after all."""
    failed = [str(event.get("answer_to") or "") for event in events if event.get("status") == "failed"]
    return [name.removesuffix(OFFICE_NOTICE) for name in failed if name.endswith(OFFICE_NOTICE)]


class EventWriter:
    """Each kind of event has one way into the database. Every method returns the senders whose person has changed."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._contacts = Contacts(connection)
        self._notices = Notices(connection)
        self.with_office: dict[str, datetime] = {}  # key of a sender -> until when the office has the conversation
        self._kinds: dict[str, Callable[[Event], list[str]]] = {
            "message": self._message,
            "notice": self._field,
            "error": self._trouble,
            "status": self._status,
            "echo": self._echo,
        }
        self._messages: dict[str, Callable[[Event], list[str]]] = {
            "reaction": self._reaction,
            "system": self._system_message,
        }
        self._fields: dict[str, Callable[[Event], list[str]]] = {
            "user_id_update": self._user_id_update,
            "user_preferences": self._user_preferences,
            "account_update": self._trouble,
            "account_alerts": self._trouble,
            "phone_number_quality_update": self._trouble,
        }

    def write(self, event: Event) -> list[str]:
        """Write one event."""
        return self._kinds.get(event["kind"], self._notice)(event)

    def _message(self, event: Event) -> list[str]:
        return self._messages.get(event["type"], self._notice)(event)

    def _field(self, event: Event) -> list[str]:
        return self._fields.get(event["field"], self._notice)(event)

    def _echo(self, event: Event) -> list[str]:
        """A person has answered in the WhatsApp Business app: the office has this conversation."""
        keys = self._contacts.keys_of(event.get("phone"), event.get("bsuid"))
        moment = datetime.fromtimestamp(event["timestamp"] or time.time(), UTC)
        if OfficeRequests(self._connection).record_answer(event["id"], keys, event.get("phone"), moment):
            for key in keys:
                until = moment + HANDED_TO_OFFICE_TIME
                self.with_office[key] = max(until, self.with_office.get(key, until))
        return []

    def _status(self, event: Event) -> list[str]:
        """Moves the delivery state of the answer forward; a status may come before the answer is logged."""
        condition = message_log.c.reply_id == event["id"]
        if answer_to := event.get("answer_to"):
            self._connection.execute(insert(message_log).values(message_id=answer_to).on_conflict_do_nothing())
            condition = message_log.c.message_id == answer_to
        row = self._connection.execute(select(message_log).where(condition).with_for_update()).first()
        if row is None:
            return self._notice(event)  # an answer that we know nothing of
        state = advance(row.delivery, event["status"])
        values: dict[str, Any] = {} if row.reply_id else {"reply_id": event["id"]}
        changed: list[str] = []
        if event.get("category"):
            self._count_price(event)
            values |= {"category": event["category"], "billable": event.get("billable")}
        if state and state != row.delivery:
            values |= {"delivery": state, "delivery_at": datetime.fromtimestamp(event["timestamp"], UTC)}
            if state == "failed":
                values["delivery_error"] = (event.get("error_codes") or [None])[0]
                changed = self._failed(event)
        if values:
            condition = message_log.c.message_id == row.message_id
            self._connection.execute(message_log.update().where(condition).values(**values))
        return changed

    def _failed(self, event: Event) -> list[str]:
        """Our answer was not delivered."""
        codes = event.get("error_codes") or [None]
        changed: list[str] = []
        observability.count_after_commit("FailedDeliveries", code=str(codes[0] or "none"))
        for message_id in failed_notifications([event]):
            OfficeRequests(self._connection).record_notification_failed(message_id)
            observability.count_after_commit("OfficeNotTold")
        if STOPPED in codes:  # by WhatsApp's own button
            phone = phone_of(event.get("to"))
            bsuid = None if phone else event.get("to")
            changed = self._contacts.set_opted_out(phone, bsuid, opted_out=True, moment=_moment(event))
        if codes[0] in OPERATOR:
            observability.count_after_commit("OperatorNeeded")
        observability.logger().warning("delivery failed", digest=observability.digest(event["id"]), code=codes[0])
        return changed

    def _count_price(self, event: Event) -> None:
        """Counts each billable message once: its price comes with two statuses, and a long answer has two messages."""
        if event.get("billable") and self._notices.record({"kind": "price", "id": event["id"]}):
            observability.count_after_commit("BillableReplies")

    def _reaction(self, event: Event) -> list[str]:
        """A reaction to one of our messages; a later one replaces it, an empty one takes it back."""
        emoji = event.get("emoji")
        Feedback(self._connection).record(
            event["id"],
            about=event.get("about"),
            sender=event.get("bsuid") or event.get("phone") or "",
            rating=rating_of(emoji),
            timestamp=event.get("timestamp") or 0,
            emoji=emoji,
        )
        return []

    def _trouble(self, event: Event) -> list[str]:
        """A notice about the account, or an error of the whole number; counted where an operator must act.

        Each arrival counts, also of the same notice: a second ban reads like the first.
        """
        field = str(event.get("field") or "errors")
        if trouble := operator_trouble(field, event["value"]):
            observability.count_after_commit("OperatorNeeded")
            observability.logger().error("WhatsApp needs an operator", notice=field, trouble=trouble[:64])
        return self._notice(event)

    def _system_message(self, event: Event) -> list[str]:
        """Someone changed their number or user id: the old one must not open the account for its next owner."""
        details = event.get("details") or {}
        new_number, new_id = details.get("wa_id"), details.get("user_id")
        new_phone = f"+{new_number}" if new_number else None
        if details.get("type") in ("user_changed_number", "customer_changed_number"):
            condition = identified_by(event.get("phone"), event.get("bsuid"))
            if condition is not None:
                self._contacts.change_keys(condition, {"phone": new_phone, "bsuid": new_id}, _moment(event))
        elif details.get("type") == "user_changed_user_id" and new_id and event.get("bsuid"):
            self._contacts.change_keys(contacts.c.bsuid == event["bsuid"], {"bsuid": new_id}, _moment(event))
        self._notice(event)
        return [key for key in (event.get("bsuid"), event.get("phone"), new_id, new_phone) if key]

    def _user_id_update(self, event: Event) -> list[str]:
        changed = []
        for item in event["value"].get("user_id_update") or []:
            ids = item.get("user_id") or {}
            if ids.get("previous") and ids.get("current"):
                condition = contacts.c.bsuid == ids["previous"]
                self._contacts.change_keys(condition, {"bsuid": ids["current"]}, _moment(item))
                changed += [ids["previous"], ids["current"]]
        self._notice(event)
        return changed

    def _user_preferences(self, event: Event) -> list[str]:
        """STOP and RESUME by WhatsApp's own button; they come on a queue without order."""
        changed = []
        for item in event["value"].get("user_preferences") or []:
            if item.get("value") not in ("stop", "resume"):
                continue
            phone = f"+{item['wa_id']}" if item.get("wa_id") else None
            is_stop, bsuid = item["value"] == "stop", item.get("user_id")
            changed += self._contacts.set_opted_out(phone, bsuid, opted_out=is_stop, moment=_moment(item))
        self._notice(event)
        return changed

    def _notice(self, event: Event) -> list[str]:
        """Recorded without what a person wrote, which a group's messages have."""
        self._notices.record({name: value for name, value in event.items() if name != "text"})
        return []


def _moment(event: Event) -> datetime:
    """When it happened, as WhatsApp says."""
    return written_at(unix_seconds(event.get("timestamp")), datetime.now(UTC))
