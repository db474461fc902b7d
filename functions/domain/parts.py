"""A message divided into the phrases we know, the children and terms that it names, and words that nobody knows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from functions.domain.people import Student
from functions.domain.phrases import Phrases
from functions.domain.words import tokens

MAX_CHARACTERS: Final = 400  # a longer message is no bare command
MAX_WORDS: Final = 60
MAX_STUDENT_ID: Final = 32  # characters
NAME, SURNAME, TERM, YEAR, UNKNOWN = "name", "surname", "term", "year", "unknown"


@dataclass(frozen=True)
class Part:
    """Some words of a message, and what they may be."""

    words: tuple[str, ...]
    roles: frozenset[str]  # of the phrase; NAME, SURNAME, TERM, YEAR or UNKNOWN
    student_ids: tuple[str, ...] = ()  # of the children whom they name


@dataclass(frozen=True)
class Divided:
    """A message in parts."""

    parts: tuple[Part, ...]  # in order; fillers such as "please" are left out
    student_ids: tuple[str, ...]
    terms: tuple[tuple[str, str | None], ...]  # as `Calendar.code_of` takes them: which, year
    asks: bool  # there is a question mark
    is_short: bool


def divide(text: str, phrases: Phrases, students: Sequence[Student] = (), prefix: str = "") -> Divided:
    """The parts of a text. `prefix`: of the school's student ids. Work is linear in the length of the text."""
    words = tokens(text)
    is_short = len(text) <= MAX_CHARACTERS and len(words) <= MAX_WORDS
    names = _names(students)
    kept = [
        word
        for word in words
        if word != "?" and (phrases.spelt(word) not in phrases.fillers or any(word == name[0] for name, _ in names))
    ]
    parts = _with_terms(list(_parts(kept, phrases, names, prefix.lower(), typos=is_short)))
    return Divided(
        tuple(_in_context(parts)),
        _narrowed(parts, students),
        tuple(dict.fromkeys(_term(part.words) for part in parts if TERM in part.roles)),
        "?" in words,
        is_short,
    )


# --- words into parts

_Names = list[tuple[tuple[str, ...], str]]  # the words of a first name and whose it is; of a surname, and ""


def _names(students: Sequence[Student]) -> _Names:
    found = [(tuple(tokens(student.first_name)), student.id) for student in students]
    found += [(tuple(tokens(student.last_name)), "") for student in students]
    return [(name, owner) for name, owner in dict.fromkeys(found) if name]


def _parts(words: list[str], phrases: Phrases, names: _Names, prefix: str, *, typos: bool) -> Iterator[Part]:
    """Left to right, the longest thing known at each place. Once a word is unknown, missynonyms no longer matter."""
    readings: list[Sequence[str]] = [phrases.readings(word) if typos else (phrases.spelt(word),) for word in words]
    place = 0
    while place < len(words):
        part = (
            _student_id(words, place, prefix)
            or _name(words, place, names, phrases, readings)
            or _phrase(words, place, phrases, readings)
            or _figure(words[place])
        )
        yield part
        place += len(part.words)


def _student_id(words: list[str], place: int, prefix: str) -> Part | None:
    """`SSC20257279`, `ssc 20257279`. One that is not the sender's is named too: the caller refuses it."""
    word = words[place]
    if not prefix or not word.startswith(prefix):
        return None
    used: tuple[str, ...] = (word,)
    digits = word[len(prefix) :]
    if not digits and place + 1 < len(words):
        used, digits = (word, words[place + 1]), words[place + 1]
    if not (digits.isdecimal() and digits.isascii()) or len(prefix + digits) > MAX_STUDENT_ID:
        return None
    return Part(used, frozenset({NAME}), (prefix.upper() + digits,))


def _name(
    words: list[str], place: int, names: _Names, phrases: Phrases, readings: Sequence[Sequence[str]]
) -> Part | None:
    """A child's name; with what else the same words may be, and not if a longer phrase begins here."""
    here = [(name, owner) for name, owner in names if _is_name(words, place, name, phrases)]
    if not here:
        return None
    length = max(len(name) for name, _ in here)
    owners = dict.fromkeys(owner for name, owner in here if len(name) == length)
    roles = frozenset({NAME} if any(owners) else {SURNAME})
    if found := phrases.find(readings, place):
        if found.length > length:
            return None
        if found.length == length:
            roles |= found.roles
    return Part(tuple(words[place : place + length]), roles, tuple(filter(None, owners)))


def _is_name(words: list[str], place: int, name: tuple[str, ...], phrases: Phrases) -> bool:
    """Whether the name begins here, as in `tariro`, `tariro's`, `yaTariro`."""
    here = words[place : place + len(name)]
    if len(here) < len(name):
        return False
    first, last = here[0], here[-1]
    if not first.startswith(name[0]) and first.endswith(name[0]) and len(name) == 1:
        return first[: -len(name[0])] in phrases.name_prefixes
    return here[:-1] == list(name[:-1]) and last in (name[-1], f"{name[-1]}s")


def _phrase(words: list[str], place: int, phrases: Phrases, readings: Sequence[Sequence[str]]) -> Part | None:
    found = phrases.find(readings, place)
    return Part(tuple(words[place : place + found.length]), found.roles) if found else None


def _figure(word: str) -> Part:
    """A term code, a year, a number of the menu, or a word that nobody knows."""
    if "-" in word:
        return Part((word,), frozenset({TERM}))
    if word.isdecimal() and word.isascii():
        if len(word) == 4 and word.startswith("20"):
            return Part((word,), frozenset({YEAR}))
        if len(word) <= 2:
            return Part((word,), frozenset({f"number:{int(word)}"}))
    return Part((word,), frozenset({UNKNOWN}))


# --- parts that belong together


def _with_terms(parts: list[Part]) -> list[Part]:
    """`term 2 of 2025` and `2025 term 2` as one part each. Its words are then which term, and the year."""
    joined: list[Part] = []
    place = 0
    while place < len(parts):
        part = parts[place]
        which = next((role.removeprefix("term:") for role in part.roles if role.startswith("term:")), None)
        if which is None:
            joined.append(part)
            place += 1
            continue
        year = ""
        after = place + 2 if parts[place + 1 : place + 2] and parts[place + 1].words == ("of",) else place + 1
        if which.isdecimal() and joined and YEAR in joined[-1].roles:
            year = joined.pop().words[0]
        elif which.isdecimal() and after < len(parts) and YEAR in parts[after].roles:
            year = parts[after].words[0]
            place = after
        joined.append(Part((which, year), frozenset({TERM})))
        place += 1
    return joined


def _term(words: tuple[str, ...]) -> tuple[str, str | None]:
    """Of a TERM part: the words `2026-2`, or which term and the year."""
    if len(words) == 1:
        year, number = words[0].split("-")
        return number, year
    return words[0], words[1] or None


def _in_context(parts: list[Part]) -> Iterator[Part]:
    """Roles that count in some places only: "and" between children, "team" after a greeting, "no" before a number."""
    for place, part in enumerate(parts):
        before = parts[place - 1].roles if place else frozenset()
        after = parts[place + 1].roles if place + 1 < len(parts) else frozenset()
        lost = set()
        if "joiners" in part.roles and not (before & {NAME, SURNAME, "children"} and after & _CHILD_FOLLOWS):
            lost.add("joiners")
        if "after_greeting" in part.roles and not before & {"greetings", "after_greeting"}:
            lost.add("after_greeting")
        if "options" in part.roles and not any(role.startswith("number:") for role in after):
            lost.add("options")
        yield replace(part, roles=part.roles - lost or frozenset({UNKNOWN})) if lost else part


_CHILD_FOLLOWS: Final = frozenset({NAME, "children", "small_words", "articles"})


def _narrowed(parts: list[Part], students: Sequence[Student]) -> tuple[str, ...]:
    """Ids as typed, then children by first name; of those who share it, the ones whose surname stands there too."""
    named = [name for part in parts for name in part.student_ids]
    surnames = {part.words for part in parts if SURNAME in part.roles}
    by_name = [student for student in students if student.id in named]
    narrowed = [student for student in by_name if tuple(tokens(student.last_name)) in surnames]
    own = {student.id for student in by_name}
    ids = [name for name in named if name not in own]
    return tuple(dict.fromkeys(ids + [student.id for student in narrowed or by_name]))
