"""Signed bodies that are not what WhatsApp documents: kept whole for a person to look at."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime

from functions.adapters import files, observe
from functions.domain.inbound import Unreadable


def keep(bucket: str, raw: bytes, problems: Sequence[Unreadable]) -> None:
    """Store the bytes under `inspection/<date>/<sha256>.json`; the log says where and why, not what."""
    key = f"inspection/{datetime.now(UTC):%Y-%m-%d}/{hashlib.sha256(raw).hexdigest()}.json"
    files.put(bucket, key, raw, "application/json")
    observe.count("UnreadableWebhooks")
    observe.log().warning(
        "webhook kept for inspection", key=key, problems=[f"{item.where}: {item.why}" for item in problems[:10]]
    )
