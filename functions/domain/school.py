"""The school as configured: checked whole, so that a bad line is named before anything starts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from functions.domain.errors import ConfigurationError
from functions.domain.gate_passes import Tier, Validity
from functions.domain.knowledge import Entry, Knowledge
from functions.domain.money import EXAMPLE_EXPECTED, Currency
from functions.domain.retention import LEAST_DAYS, MOST_DAYS, KeepDays
from functions.domain.terms import Calendar, Term

VISITOR_MENU = ("about", "admissions", "events", "contact")  # entries the visitor's menu needs
COLOUR = re.compile(r"#[0-9a-fA-F]{6}")
PHONE = re.compile(r"\+[1-9][0-9]{6,14}")
HOURS = re.compile(r"([01]\d|2[0-3]):[0-5]\d-([01]\d|2[0-3]):[0-5]\d")


@dataclass(frozen=True)
class Office:
    """Where a parent reaches a person."""

    address: str
    phone: str
    email: str
    hours: str
    whatsapp: str | None = None  # E.164; where requests of parents go; None: there is none
    staff: tuple[str, ...] = ()  # E.164; whose commands are obeyed
    coexistence: bool = False  # people answer in the WhatsApp Business app, on the assistant's own number

    @property
    def takes_requests(self) -> bool:
        """Whether a request of a parent reaches a person on WhatsApp."""
        return self.coexistence or self.whatsapp is not None

    def is_staff(self, phone: str | None) -> bool:
        """Whether commands of this number are obeyed; the office's own number is one of them."""
        return phone is not None and phone in (self.whatsapp, *self.staff)


@dataclass(frozen=True)
class Templates:
    """Names of the messages that WhatsApp approved for this number; "" for one that is not there."""

    language: str = "en"
    receipt: str = ""  # child, amount, new balance
    reopen: str = ""  # nothing: "we have an answer for you, please write to us"
    office: str = ""  # parent's name, number of the request
    revoked: str = ""  # child, number of the pass


@dataclass(frozen=True)
class DailyLimits:
    """What one person may have in a day: far more than a parent needs, so that nobody can run up a bill."""

    questions: int  # messages that the AI reads, of a parent
    visitor_questions: int  # of anyone else
    replies: int  # messages to one person
    documents: int  # statements and gate passes


@dataclass(frozen=True)
class School:
    """Everything another school would change."""

    name: str
    full_name: str
    motto: str
    assistant: str
    languages: tuple[str, ...]  # in which the assistant may answer
    timezone: ZoneInfo
    currency: Currency
    country: str  # ISO 3166 code: how local phone numbers are read
    student_id_prefix: str
    website: str
    office: Office
    templates: Templates
    colour: str  # #rrggbb
    accent: str
    crest_text: str
    tiers: tuple[Tier, ...]  # highest share first
    weekly_documents: int
    weekly_requests: int
    keep_days: KeepDays
    daily_limits: DailyLimits
    calendar: Calendar
    knowledge: Knowledge


@dataclass
class _Reader:
    """Takes values out of nested tables and collects every problem on the way."""

    problems: list[str] = field(default_factory=list)

    def table(self, values: Mapping[str, object], name: str) -> Mapping[str, object]:
        found = values.get(name)
        if isinstance(found, Mapping):
            return found
        self.problems.append(f"[{name}]: missing")
        return {}

    def text(self, values: Mapping[str, object], where: str, name: str, *, empty: bool = False) -> str:
        found = values.get(name)
        if isinstance(found, str) and (found.strip() or empty):
            return found.strip()
        self.problems.append(f"{where}.{name}: expected a text")
        return ""

    def texts(self, values: Mapping[str, object], where: str, name: str) -> tuple[str, ...]:
        found = values.get(name)
        if isinstance(found, list) and found and all(isinstance(item, str) and item.strip() for item in found):
            return tuple(item.strip() for item in found)
        self.problems.append(f'{where}.{name}: expected a list of texts such as ["English"]')
        return ()

    def number(self, values: Mapping[str, object], where: str, name: str, least: int, most: int) -> int:
        found = values.get(name)
        if isinstance(found, int) and not isinstance(found, bool) and least <= found <= most:
            return found
        self.problems.append(f"{where}.{name}: expected a whole number from {least} to {most}")
        return least

    def flag(self, values: Mapping[str, object], where: str, name: str) -> bool:
        """False where it is not given."""
        found = values.get(name, False)
        if isinstance(found, bool):
            return found
        self.problems.append(f"{where}.{name}: expected true or false")
        return False

    def colour(self, values: Mapping[str, object], where: str, name: str) -> str:
        found = self.text(values, where, name)
        if found and not COLOUR.fullmatch(found):
            self.problems.append(f"{where}.{name}: expected a colour such as #1a2b3c")
        return found

    def rows(self, values: Mapping[str, object], name: str, where: str = "") -> list[Mapping[str, object]]:
        found = values.get(name)
        if isinstance(found, list) and found and all(isinstance(row, Mapping) for row in found):
            return found
        self.problems.append(f"[[{where}{name}]]: expected at least one")
        return []


def build(values: Mapping[str, object], entries: object) -> School:
    """The school from parsed configuration; raises ConfigurationError that lists every problem."""
    read = _Reader()
    about = read.table(values, "school")
    money = read.table(values, "currency")
    office = read.table(values, "office")
    paper = read.table(values, "letterhead")
    gate = read.table(values, "gate_pass")
    limits = read.table(values, "daily_limits")
    templates = read.table(values, "templates")
    documents = read.number(gate, "gate_pass", "weekly_documents", 1, 100)
    school = School(
        name=read.text(about, "school", "name"),
        full_name=read.text(about, "school", "full_name"),
        motto=read.text(about, "school", "motto", empty=True),
        assistant=read.text(about, "school", "assistant"),
        languages=read.texts(about, "school", "languages"),
        timezone=_timezone(read, read.text(about, "school", "timezone")),
        currency=_currency(read, money),
        country=_country(read, read.text(about, "school", "country")),
        student_id_prefix=_prefix(read, read.text(about, "school", "student_id_prefix")),
        website=read.text(about, "school", "website", empty=True),
        office=Office(
            address=read.text(office, "office", "address"),
            phone=read.text(office, "office", "phone", empty=True),
            email=read.text(office, "office", "email"),
            hours=_hours(read, read.text(office, "office", "hours")),
            whatsapp=_number(read, "office.whatsapp", read.text(office, "office", "whatsapp", empty=True)),
            staff=_staff(read, office.get("staff", [])),
            coexistence=read.flag(office, "office", "coexistence"),
        ),
        templates=Templates(
            language=read.text(templates, "templates", "language"),
            receipt=read.text(templates, "templates", "receipt", empty=True),
            reopen=read.text(templates, "templates", "reopen", empty=True),
            office=read.text(templates, "templates", "office", empty=True),
            revoked=read.text(templates, "templates", "revoked", empty=True) if "revoked" in templates else "",
        ),
        colour=read.colour(paper, "letterhead", "colour"),
        accent=read.colour(paper, "letterhead", "accent"),
        crest_text=read.text(paper, "letterhead", "crest_text"),
        tiers=_tiers(read, read.rows(gate, "tiers", "gate_pass.")),
        weekly_documents=documents,
        weekly_requests=read.number(gate, "gate_pass", "weekly_requests", documents, 100),
        keep_days=_keep_days(read, values.get("keep_days", {})),
        daily_limits=DailyLimits(
            **{item.name: read.number(limits, "daily_limits", item.name, 0, 10_000) for item in fields(DailyLimits)}
        ),
        calendar=Calendar.of(_terms(read, read.rows(values, "terms"))),
        knowledge=_knowledge(read, entries),
    )
    if read.problems:
        raise ConfigurationError(read.problems)
    return school


def _timezone(read: _Reader, name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name or "UTC")
    except (ZoneInfoNotFoundError, ValueError):
        read.problems.append("school.timezone: expected a time zone such as Europe/London")
        return ZoneInfo("UTC")


def _currency(read: _Reader, values: Mapping[str, object]) -> Currency:
    code, name, example = (read.text(values, "currency", key) for key in ("code", "name", "amount"))
    if code and not re.fullmatch(r"[A-Z]{3}", code):
        read.problems.append("currency.code: expected three capital letters such as USD")
    try:
        return Currency.of(code, name, example)
    except ValueError:
        if example:
            read.problems.append(f"currency.amount: expected {EXAMPLE_EXPECTED}")
        return Currency(code, name, "")


def _keep_days(read: _Reader, values: object) -> KeepDays:
    """The table may be left out, and any line of it."""
    kinds = [item.name for item in fields(KeepDays)]
    if not isinstance(values, Mapping) or not set(values) <= set(kinds):
        read.problems.append(f"[keep_days]: expected days for {', '.join(kinds)}")
        return KeepDays()
    return KeepDays(**{name: read.number(values, "keep_days", name, LEAST_DAYS, MOST_DAYS) for name in values})


def _number(read: _Reader, where: str, number: str) -> str | None:
    if number and not PHONE.fullmatch(number):
        read.problems.append(f"{where}: expected a number such as +447700900123, or nothing")
    return number or None


def _staff(read: _Reader, numbers: object) -> tuple[str, ...]:
    if not isinstance(numbers, list):
        read.problems.append('office.staff: expected a list of numbers such as ["+447700900123"]')
        return ()
    for place, number in enumerate(numbers, start=1):
        if not isinstance(number, str) or not PHONE.fullmatch(number):
            read.problems.append(f"office.staff[{place}]: expected a number such as +447700900123")
    found = [number for number in numbers if isinstance(number, str)]
    read.problems += [
        f"office.staff: {number} stands twice" for number in sorted({n for n in found if found.count(n) > 1})
    ]
    return tuple(found)


def _country(read: _Reader, code: str) -> str:
    if code and not re.fullmatch(r"[A-Z]{2}", code):
        read.problems.append("school.country: expected two capital letters such as GB")
    return code


def _hours(read: _Reader, hours: str) -> str:
    if hours and not HOURS.fullmatch(hours):
        read.problems.append("office.hours: expected opening and closing time such as 08:00-15:00")
    return hours


def _prefix(read: _Reader, prefix: str) -> str:
    if prefix and not re.fullmatch(r"[A-Z]{1,8}", prefix):
        read.problems.append("school.student_id_prefix: expected 1 to 8 capital letters such as ABC")
    return prefix


def _tiers(read: _Reader, rows: list[Mapping[str, object]]) -> tuple[Tier, ...]:
    tiers = []
    for place, row in enumerate(rows, start=1):
        where = f"gate_pass.tiers[{place}]"
        name = read.text(row, where, "name")
        percent = read.number(row, where, "from_percent", 1, 100)
        try:
            tiers.append(Tier(name, percent, Validity.parse(read.text(row, where, "valid_until"))))
        except ValueError as error:
            read.problems.append(f"{where}.valid_until: {error}")
    percents = [tier.from_percent for tier in tiers]
    if percents != sorted(set(percents), reverse=True):
        read.problems.append("gate_pass.tiers: expected from_percent falling from tier to tier")
    return tuple(tiers)


def _terms(read: _Reader, rows: list[Mapping[str, object]]) -> list[Term]:
    terms: list[Term] = []
    for place, row in enumerate(rows, start=1):
        where = f"terms[{place}]"
        code, begins, ends = row.get("code"), row.get("from"), row.get("to")
        if not isinstance(code, str) or not re.fullmatch(r"20\d{2}-[1-9]", code):
            read.problems.append(f"{where}.code: expected a code such as 2026-3")
        elif not isinstance(begins, date) or not isinstance(ends, date) or begins > ends:
            read.problems.append(f"{where}: expected from and to as dates, from before to")
        else:
            terms.append(Term(begins, ends, code))
    terms.sort()
    for earlier, later in pairwise(terms):
        if later.begins <= earlier.ends:
            read.problems.append(f"terms: {earlier.code} and {later.code} overlap")
    if len({term.code for term in terms}) < len(terms):
        read.problems.append("terms: a code stands twice")
    return terms


def _knowledge(read: _Reader, entries: object) -> Knowledge:
    if not isinstance(entries, list) or not entries:
        read.problems.append("knowledge.json: expected a list of entries")
        return Knowledge(())
    found = []
    for place, row in enumerate(entries, start=1):
        where = f"knowledge.json[{place}]"
        if not isinstance(row, Mapping):
            read.problems.append(f"{where}: expected an object")
            continue
        asked = row.get("questions", [])
        if not isinstance(asked, list) or not all(isinstance(line, str) for line in asked):
            read.problems.append(f"{where}.questions: expected a list of texts")
            asked = []
        found.append(
            Entry(
                read.text(row, where, "id"),
                read.text(row, where, "title"),
                tuple(asked),
                read.text(row, where, "answer"),
            )
        )
    ids = [entry.id for entry in found]
    read.problems += [f"knowledge.json: {name!r} stands twice" for name in sorted({n for n in ids if ids.count(n) > 1})]
    read.problems += [f"knowledge.json: entry {name!r} is missing" for name in VISITOR_MENU if name not in ids]
    return Knowledge(tuple(found))
