"""Message ids in logs: WhatsApp's id of a message (`wamid.…`) is Base64 and holds the sender's phone number."""

import hashlib
import hmac
from typing import Final

LENGTH: Final = 16  # hexadecimal digits


def digest(message_id: str, key: str) -> str:
    """What stands for a message id in every log line: HMAC-SHA256, shortened. `key`: of the environment."""
    return hmac.new(key.encode(), message_id.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:LENGTH]
