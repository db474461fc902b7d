"""Text as parents type it, made comparable: no accents, no invisible signs, plain tokens. Linear in its length."""

import re
import unicodedata
from typing import Final

MAX_CHARACTERS: Final = 4096  # what WhatsApp lets a person type; the rest is not looked at
_INVISIBLE: Final = frozenset({"Cf", "Mn", "Me"})  # zero-width signs, accents, the frame of a keycap emoji
_APOSTROPHES: Final = str.maketrans("", "", "'’‘ʼ`´")
# A term's code, a word, a question mark, or a sign that refuses. Every repetition is unambiguous: linear.
_TOKEN: Final = re.compile(
    r"20[0-9]{2} ?[-/.] ?[1-9](?![0-9]| ?[-/.] ?[0-9])|[^\W_]+(?:@[^\W_]+)*|\?|[❌🚫⛔✖👎]",
)


def fold(text: str) -> str:
    """Lower case without accents, full-width forms, invisible signs and apostrophes; one space between words."""
    signs = unicodedata.normalize("NFKD", text[:MAX_CHARACTERS].translate(_APOSTROPHES)).casefold()
    return " ".join("".join(sign for sign in signs if unicodedata.category(sign) not in _INVISIBLE).split())


def tokens(text: str) -> list[str]:
    """Words, `?`, refusing emoji, and term codes as `2026-2`. Words of other scripts are kept: nobody knows them."""
    return [
        f"{token[:4]}-{token[-1]}" if token[:2] == "20" and not token.isalnum() and "@" not in token else token
        for token in _TOKEN.findall(fold(text))
    ]


def plain(text: str) -> str:
    """Lower case, without punctuation, emoji and accents; `1️⃣` and `1.` become `1`."""
    return " ".join("".join(sign if sign.isalnum() and sign.isascii() else " " for sign in fold(text)).split())
