"""What we know of a sender: from the cache where it is fresh, else from the database, which is loaded only then."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from functions.adapters import observe
from functions.adapters.cache import PERSON_LIFE, STRANGER_LIFE, Cache, FirstLook
from functions.domain.errors import DataUnavailable, InvalidRequest
from functions.domain.inbound import Message
from functions.domain.people import Kind, Person


def ready() -> None:
    """The database's library is loaded, and the replica connected."""
    from functions.adapters import message_log, people  # noqa: F401
    from functions.adapters.database import reader

    with reader():
        pass


def person(cache: Cache, message: Message, seen: FirstLook) -> Person:
    """The sender. When our records cannot be reached, what was known within a day counts, else nothing is certain."""
    phone = message.shared_phone or message.phone
    known = _known(seen)
    if known and phone and known.phone != phone:
        known = None  # the user id has another number now
    life = PERSON_LIFE if known and known.kind == Kind.REGISTERED else STRANGER_LIFE
    if known and seen.person and seen.person.is_fresh(life) and not message.shared_phone:
        observe.count("CacheHits")
        return known
    observe.count("CacheMisses")
    try:
        found = _find(phone, message.bsuid, seen.written)
    except DataUnavailable:
        return known or Person(Kind.UNSURE, phone, message.bsuid)
    cache.keep_person(message.sender, found.as_json())
    return found


def _known(seen: FirstLook) -> Person | None:
    """The person as the cache has them; what cannot be read counts as nothing."""
    try:
        return Person.read(seen.person.value) if seen.person else None
    except (InvalidRequest, ValueError):
        return None


def _find(phone: str | None, bsuid: str | None, written: str | None) -> Person:
    from functions.adapters import people
    from functions.adapters.database import reader

    with reader(written) as connection:
        return people.find(connection, phone, bsuid)


def was_answered(message_id: str) -> bool:
    """Asked only when the cache cannot tell."""
    from functions.adapters import message_log
    from functions.adapters.database import writer

    try:
        with writer() as connection:
            return message_log.was_answered(connection, message_id)
    except DataUnavailable:
        return False


def is_quiet(message: Message) -> bool:
    """Whether the office has this conversation. Asked only when the cache cannot tell."""
    from functions.adapters import office_requests
    from functions.adapters.database import writer

    try:
        with writer() as connection:
            return office_requests.is_with_the_office(connection, [message.phone, message.bsuid])
    except DataUnavailable:
        return False


def may_be_written_to(message: Message) -> bool:
    """Whether we may write first to whom this is about; not while our records cannot tell."""
    from functions.adapters import people
    from functions.adapters.database import writer

    try:
        with writer() as connection:  # the primary: an opt-out of this very second counts
            return people.may_be_written_to(connection, message.phone, message.bsuid)
    except DataUnavailable:
        return False


def questions_today(sender: str, now: datetime) -> int:
    """Asked only when the cache cannot tell."""
    from functions.adapters import message_log

    return _today(message_log.questions_since, sender, now)


def look_ups_today(sender: str, now: datetime) -> int:
    """Asked only when the cache cannot tell."""
    from functions.adapters import message_log

    return _today(message_log.look_ups_since, sender, now)


def _today(count: Callable[[Any, str, datetime], int], sender: str, now: datetime) -> int:
    from functions.adapters.database import reader

    try:
        with reader() as connection:
            return count(connection, sender, now.replace(hour=0, minute=0, second=0, microsecond=0))
    except DataUnavailable:
        return 0
