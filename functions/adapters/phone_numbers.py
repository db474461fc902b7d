"""Phone numbers as the school's records hold them, made comparable with the numbers WhatsApp tells us."""

import re
from typing import Final

import phonenumbers

_WORDS: Final = re.compile(r"[^\W\d_]+")
_SPREADSHEET_DECIMALS: Final = re.compile(r"^(\+?\d+)\.0$")  # 263771234567.0: a number that went through one
_BETWEEN_NUMBERS: Final = re.compile(r"[/;,&|\n]|\b(?:or|and)\b", re.IGNORECASE)
_LONGEST_RECORD: Final = 100  # characters; what is longer is not a field of phone numbers


def normalise(raw: str | None, region: str) -> str | None:
    """The first usable number of a record in E.164 ("+263771234567"), or None when there is none.

    `region` is the ISO country whose national way of writing is understood.
    """
    found = normalise_all(raw, region)
    return found[0] if found else None


def normalise_all(raw: str | None, region: str) -> tuple[str, ...]:
    """Every usable number of a record in E.164: clerks write both guardians into one field ("0771… / 0712…")."""
    if not raw or len(raw) > _LONGEST_RECORD:
        return ()
    whole = _one(raw, region)
    if whole:
        return (whole,)
    each = (_one(part, region) for part in _BETWEEN_NUMBERS.split(raw))
    return tuple(dict.fromkeys(number for number in each if number))


def is_half_read(raw: str | None, region: str) -> bool:
    """Whether some numbers of a record can be read and some cannot: then somebody is missing."""
    if not normalise_all(raw, region) or _one(raw or "", region):
        return False
    return any(_has_digits(part) and not _one(part, region) for part in _BETWEEN_NUMBERS.split(raw or ""))


def examples(region: str) -> tuple[str, str]:
    """A mobile number of that country as it is written there and from abroad: ("071 234 5678", "+263 71 234 5678")."""
    kind, style = phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberFormat
    number = phonenumbers.example_number_for_type(region, kind)
    if number is None:
        return "", ""
    return phonenumbers.format_number(number, style.NATIONAL), phonenumbers.format_number(number, style.INTERNATIONAL)


def _has_digits(text: str) -> bool:
    return any(char.isdigit() for char in text)


def _one(text: str, region: str) -> str | None:
    digits = _WORDS.sub(" ", _SPREADSHEET_DECIMALS.sub(r"\1", text.strip()))  # "0771234567 (mum)", "nan"
    if not _has_digits(digits):
        return None
    try:
        number = phonenumbers.parse(digits, region)
    except phonenumbers.NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    if number.extension and _BETWEEN_NUMBERS.search(text):  # "0771234567, 771234568": what follows is no extension
        return None
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
