"""WhatsApp's signature: HMAC-SHA256 of the raw bytes with the app secret."""

import hashlib
import hmac


def is_valid(raw: bytes, header: str | None, app_secret: str) -> bool:
    """Whether `X-Hub-Signature-256` signs these bytes."""
    if not header or not header.startswith("sha256=") or not app_secret:
        return False
    wanted = hmac.new(app_secret.encode(), raw, hashlib.sha256).hexdigest()
    return hmac.compare_digest(wanted.encode(), header.removeprefix("sha256=").encode("ascii", "replace"))


def sign(raw: bytes, app_secret: str) -> str:
    """The header's value for these bytes."""
    return "sha256=" + hmac.new(app_secret.encode(), raw, hashlib.sha256).hexdigest()
