"""Who is writing: from the cache while it is fresh, else from the database."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from functions.adapters import observability
from functions.adapters.cache.message_claims import Loaded
from functions.adapters.cache.sender_cache import PERSON_LIFE, STRANGER_LIFE, SenderCache
from functions.domain.errors import DataUnavailable, InvalidRequest
from functions.domain.messages import Message
from functions.domain.people import Kind, Person

if TYPE_CHECKING:
    from functions.adapters.database.connection import Database


@dataclass(frozen=True)
class SenderLookup:
    """`database` is called only when the cache does not have the answer."""

    cache: SenderCache
    database: "Callable[[], Database]"

    def find(self, message: Message, loaded: Loaded) -> Person:
        """The sender of a message.

        When the database is down: what was cached within a day, else a person of kind UNSURE.
        """
        phone = message.shared_phone or message.phone
        cached = _read(loaded)
        if cached and phone and cached.phone != phone:
            cached = None  # the user id has another number now
        life = PERSON_LIFE if cached and cached.kind == Kind.REGISTERED else STRANGER_LIFE
        if cached and loaded.person and loaded.person.is_fresh(life) and not message.shared_phone:
            observability.count("CacheHits")
            return cached
        observability.count("CacheMisses")
        try:
            found = self._query(phone, message.bsuid, loaded.min_wal)
        except DataUnavailable:
            return cached or Person(Kind.UNSURE, phone, message.bsuid)
        self.cache.store_person(message.sender, found.as_json())
        return found

    def _query(self, phone: str | None, bsuid: str | None, min_wal: str | None) -> Person:
        """From the replica where the cache tells how far it has to be, else from the primary while it is there."""
        from functions.adapters.database.senders import Senders

        if min_wal is None:  # the cache is down, or was emptied
            with suppress(DataUnavailable), self.database().writer() as connection:
                return Senders(connection).find(phone, bsuid)
        return self.database().read(lambda connection: Senders(connection).find(phone, bsuid), min_wal)


def _read(loaded: Loaded) -> Person | None:
    """The cached person; what cannot be read counts as missing."""
    try:
        return Person.read(loaded.person.value) if loaded.person else None
    except (InvalidRequest, ValueError):
        return None
