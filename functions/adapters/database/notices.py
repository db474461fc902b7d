"""The table of notices: what WhatsApp told us and no other table holds."""

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection
from sqlalchemy.dialects.postgresql import insert

from functions.adapters.database.tables import notices

LONGEST_KIND = 64


class Notices:
    """Within one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def record(self, event: Mapping[str, Any]) -> bool:
        """Record an event once, by the digest of its content; whether it is new."""
        digest = hashlib.sha256(json.dumps(event, sort_keys=True).encode()).hexdigest()
        kind = str(event.get("field") or event.get("type") or event["kind"])[:LONGEST_KIND]
        statement = insert(notices).values(id=digest, kind=kind, content=event)
        return bool(self._connection.execute(statement.on_conflict_do_nothing()).rowcount)
