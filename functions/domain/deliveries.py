"""What became of a message that we sent. Statuses arrive late, twice and out of order; the state only moves forward."""

from datetime import timedelta
from typing import Final

WINDOW: Final = timedelta(hours=24, minutes=-5)  # after a person's last message, in which WhatsApp lets us write freely
HANDED_TO_OFFICE_TIME: Final = timedelta(hours=12)  # for which the office has a conversation at most
_RANK = {"sent": 1, "delivered": 2, "read": 3, "played": 3}
SEEN = ("delivered", "read", "played")


def advance(known: str | None, news: str) -> str | None:
    """The state after a status arrived: `failed` is final unless the message was seen; unknown ones change nothing."""
    if news == "failed":
        return known if known in SEEN else "failed"
    if known == "failed" or news not in _RANK:
        return known
    return news if _RANK[news] > _RANK.get(known or "", 0) else known


def rating_of(emoji: str | None) -> str | None:
    """The rating that a reaction gives our answer: up, down, or None."""
    if not emoji:
        return None
    sign = emoji[0]
    if sign in "👍❤🙏😍🥰👏🎉💯😊😀😁😃🙌👌✅🤝🔥⭐🌟":
        return "up"
    return "down" if sign in "👎😡😠😞😢😭😕🙁☹😤❌💔🤬" else None
