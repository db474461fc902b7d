"""Finds in logs what must never be in one: as it is, or in Base64, hexadecimal or URL encoding."""

import base64
import binascii
import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_plus

from infra.catalog import FUNCTIONS
from local.plan import Plan
from local.world.sample import SampleSchool

TERM = "2026-3"
LEAST_AMOUNT = 100  # a smaller one could be a time in seconds
TOKEN = re.compile(r"[A-Za-z0-9+/_-]{10,}")
HEXADECIMAL = re.compile(r"(?:[0-9a-fA-F]{2}){7,}")
WAMID = re.compile(r"wamid\.[A-Za-z0-9+/=_-]+")


@dataclass(frozen=True)
class Personal:
    """What belongs to people: digits of phone numbers, names, ids, amounts and secrets."""

    digits: frozenset[str]  # of phone numbers, without the country's code
    words: frozenset[str]

    @classmethod
    def of(cls, school: SampleSchool, plan: Plan, more: Collection[str] = ()) -> "Personal":
        """Of the sample school. `more`: other words, such as what was written."""
        words: set[str] = {*plan.secret_values.values(), *more}
        digits: set[str] = set()
        for parent in school.demo_parents:
            digits |= {parent.phone[-9:]} if parent.phone else set()
            words |= {part for part in parent.name.split() if len(part) > 3}
        for student in school.students:
            words |= {student.first_name, student.last_name} if len(student.first_name) > 3 else {student.last_name}
            digits |= {number[-9:] for number in re.findall(r"\d{9,}", f"{student.guardian_mobile}")}
        for student in school.students[:40]:
            lines = [*school.bills(student, TERM), *school.payments(student, TERM)]
            words |= {f"{line.amount:.2f}" for line in lines if line.amount >= LEAST_AMOUNT}
        return cls(frozenset(digits), frozenset(word for word in words if word))


def found_in(text: str, personal: Personal) -> set[str]:
    """Everything personal in the text, in whatever encoding, and every message id of WhatsApp."""
    found = set(WAMID.findall(text))
    words = re.compile("|".join(rf"(?<!\w){re.escape(word)}(?!\w)" for word in sorted(personal.words)) or r"(?!)")
    digits = re.compile("|".join(sorted(personal.digits)) or r"(?!)")
    for view in _views(text):
        found |= set(words.findall(view)) | set(digits.findall(re.sub(r"(?<=\d)[\s()-](?=\d)", "", view)))
    return found


def scan(logs: Iterable[Path], personal: Personal) -> dict[str, set[str]]:
    """What was found, by the name of the log; empty if nothing was."""
    findings = {path.name: found_in(path.read_text("utf-8", "replace"), personal) for path in logs if path.exists()}
    return {name: found for name, found in findings.items() if found}


def logs_of(plan: Plan) -> list[Path]:
    """The logs of the functions."""
    return [plan.log(function.name) for function in FUNCTIONS]


def _views(text: str) -> Iterator[str]:
    """The text, and every part of it that can be decoded."""
    yield text
    yield unquote_plus(text)
    tokens = set(TOKEN.findall(text))
    decoded = [part for token in tokens for part in _base64(token)]
    decoded += [binascii.unhexlify(part) for token in tokens for part in HEXADECIMAL.findall(token)]
    # Nothing joins two parts to a number.
    yield "\n.\n".join(part.decode("ascii", "replace") for part in decoded)


def _base64(token: str) -> Iterator[bytes]:
    """Both alphabets, from each of the four places at which an encoded text may begin in a longer token."""
    standard = token.translate(str.maketrans("-_", "+/"))
    for start in range(4):
        part = standard[start:]
        with_padding = part[: len(part) // 4 * 4] if len(part) % 4 == 1 else part + "=" * (-len(part) % 4)
        if with_padding:
            yield base64.b64decode(with_padding)
