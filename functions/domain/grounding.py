"""Whether an answer of the model says only what it was given: amounts, numbers, phone numbers, links and addresses.

Everything is read once from left to right, in time that grows with the length of the text: the patterns are possessive,
and rules look at a few neighbours of a number only.
"""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from enum import Enum
from itertools import pairwise

from functions.domain.currencies import CAPITALS, CODES, is_noun, names_of, singular
from functions.domain.money import Currency

SMALL = 12  # whole numbers up to here are counts ("2 children", "Form 4") where nothing makes them an amount
LEAST_OF_A_PHONE = 7  # digits
INVISIBLE = ("Cf", "Mn", "Me")  # joiners, and the marks that turn digits into emoji
YEARS = range(2020, 2040)
NEIGHBOURS = 6  # tokens before a number that are looked at for a fee word

_TOKEN = re.compile(r"(?P<digits>\d++(?:[.,'’]\d++)*+)|(?P<word>[^\W\d_]++)|(?P<sign>[^\w\s])")
_RUN = re.compile(r"\+?\d++(?:[ \u00a0\u202f).\-–/]{1,2}+\d++)*+")  # digits that one could dial
_SINGLE_DIGITS = re.compile(r"\d(?:[ \u00a0\u202f.\-–/]\d){2,}+")
# One number with its thousands set apart, or with cents; before it, perhaps, the number of a class.
_THOUSANDS = re.compile(r"(?:\d\d?[ \u00a0])?(?:\d{1,3}+(?:[ \u00a0\u202f.]\d{3})++(?:[.,]\d\d?)?|\d++\.\d\d?)")
_DATES = re.compile(r"20\d\d([-–/])(?:20\d\d|\d\d\1\d\d)|\d\d?([./-])\d\d?\2(?:20)?\d\d")
_BETWEEN_LINKS = re.compile(r"[\s<>()\[\]{}\"“”|,;!*~`]++")
_MARKS = str.maketrans({"*": None, "~": None, "`": None, "_": None, "。": "."})  # WhatsApp's bold, italic, struck out
_TIME = re.compile(r"(?:[01]?\d|2[0-3])(?:[.:][0-5]\d)?")
_GROUP = re.compile(r"\d{3}(?:[.,]\d\d?)?")

FEE_WORDS = frozenset(
    "owe owes owed owing pay pays paid paying cost costs charge charges charged fee fees tuition levy balance total "
    "amount price prices fine deposit due credit billed refund discount ecocash account merchant biller paybill".split()
)
FEE_NOUNS = frozenset("fee fees tuition levy deposit due owed owing credit refund discount charge".split())  # behind it
LEVELS = frozenset("form forms grade grades class classes year years level term terms ecd primary secondary".split())
CONNECTORS = frozenset(
    "is are was were be about of only just now at around roughly exactly approximately a the will would must should "
    "you still currently another extra up to as".split()
)
STATES = frozenset("is are : = pays pay costs cost".split())  # "Form 1: 650"
RATES = frozenset("per a each every".split())
RATED = frozenset("term month week year day child learner pupil student lesson trip".split())
UNITS = frozenset(
    "time instalment installment part day week month year term child children learner pupil student person people "
    "payment lesson hour minute meal grade form class".split()
)
MONTHS = frozenset(
    "january february march april may june july august september october november december jan feb mar apr jun jul "
    "aug sep sept oct nov dec".split()
)
STREETS = frozenset("Road Rd Street Avenue Ave Drive Lane Crescent Boulevard".split())
_UNITS_SPELLED = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
        "eighteen nineteen".split(),
        range(1, 20),
        strict=True,
    )
) | {"dozen": 12}
_TENS_SPELLED = dict(
    zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True)
)
_SCALES = {"hundred": 100, "thousand": 1000, "million": 10**6}
# Counts of hundreds and thousands that nothing here can read: plurals, and the words of other languages.
_UNREADABLE = frozenset(
    "hundreds thousands millions dozens zana mazana chiuru zviuru ikhulu amakhulu inkulungwane izinkulungwane elfu "
    "hundert tausend".split()
)
_SPELLED = frozenset((*_UNITS_SPELLED, *_TENS_SPELLED, *_SCALES, *_UNREADABLE))


class Kind(Enum):
    """What a number is."""

    AMOUNT = "amount"  # it names its currency, or stands next to a fee word
    PERCENT = "percent"
    PLAIN = "plain"
    HARMLESS = "harmless"  # a time, a day of a month, an ordinal


@dataclass(frozen=True)
class Number:
    """One number of a text."""

    kind: Kind
    value: Decimal | None  # None: it cannot be read
    text: str = ""
    currency: str | None = None  # of an amount: the code; None: it stands next to a fee word only
    is_spelled: bool = False


@dataclass(frozen=True)
class Token:
    """Digits, a word or a sign, with the room before it."""

    text: str
    kind: str
    gap: str  # what stands between it and the token before: "" or blanks

    @property
    def is_digits(self) -> bool:
        return self.kind == "digits"

    @property
    def lower(self) -> str:
        return self.text.lower()


NOTHING = Token("", "sign", " ")


@dataclass
class Facts:
    """What a text names."""

    numbers: list[Number] = field(default_factory=list)
    phones: set[str] = field(default_factory=set)  # digits of what can only be dialled
    runs: set[str] = field(default_factory=set)  # digits of what could be dialled, amounts too
    links: set[str] = field(default_factory=set)
    streets: set[str] = field(default_factory=set)

    def has_phone(self, digits: str) -> bool:
        """`0771234567` is `+263771234567` as it is dialled at home; what is given so is not dialled from abroad."""
        at_home = digits.lstrip("0")
        return (
            at_home.isdecimal() and len(at_home) >= LEAST_OF_A_PHONE and any(run.endswith(at_home) for run in self.runs)
        )


def amounts_in(text: str, currency: Currency) -> set[Decimal]:
    """Every amount of money that a text names in digits; `currency`: the school's."""
    numbers = _facts(text, currency).numbers
    return {n.value for n in numbers if n.kind == Kind.AMOUNT and n.value is not None and not n.is_spelled}


def is_grounded(answer: str, given: str, currency: Currency) -> bool:
    """Whether every amount, number, phone number, link and street of the answer was given; `currency`: the school's.

    An amount in the words of a number ("five hundred dollars") never is. Free to say are counts up to twelve, times,
    days of a month and years, where neither a currency nor a fee word is next to them.
    """
    said, known = _facts(answer, currency), _facts(given, currency)
    if not said.links <= known.links or not said.streets <= known.streets:
        return False
    if not all(known.has_phone(phone) for phone in said.phones):
        return False
    amounts = {(number.value, number.currency) for number in known.numbers if number.kind == Kind.AMOUNT}
    percents = {number.value for number in known.numbers if number.kind == Kind.PERCENT}
    values = {number.value for number in known.numbers if number.kind in (Kind.AMOUNT, Kind.PLAIN)}
    texts = {number.text for number in known.numbers}

    def may_be_said(number: Number) -> bool:
        if number.kind == Kind.HARMLESS:
            return True
        if number.value is None:  # a whole such as "R2D2", or what cannot be read
            return bool(number.text) and number.kind == Kind.PLAIN and number.text in texts
        if number.kind == Kind.PERCENT:
            return number.value in percents
        if number.kind == Kind.AMOUNT and number.is_spelled:
            return False
        if number.kind == Kind.AMOUNT and number.currency:
            named = {number.currency} | ({None} if number.currency == currency.code else set())
            return any((number.value, name) in amounts for name in named)
        if number.kind == Kind.AMOUNT:
            return any(number.value == value for value, _ in amounts)
        return number.value in values or _is_count(number) or known.has_phone(number.text)

    return all(may_be_said(number) for number in said.numbers)


def _is_count(number: Number) -> bool:
    """A small whole number, or a year in digits."""
    if number.value is None or number.value != number.value.to_integral_value():
        return False
    return number.value <= SMALL or (number.value in YEARS and number.text.isdecimal())


def _facts(text: str, currency: Currency) -> Facts:
    found = Facts()
    composed = unicodedata.normalize("NFKC", text)
    visible = "".join(sign for sign in composed if unicodedata.category(sign) not in INVISIBLE)
    rest = _take_phones(_take_links(visible, found).translate(_MARKS), found)
    found.numbers += _Reader(_tokens(rest), currency).numbers()
    found.streets |= _streets(rest)
    return found


# --- links and phone numbers


def _take_links(text: str, found: Facts) -> str:
    """The text without links and e-mail addresses, which go to `found`."""
    kept = []
    for chunk in re.split(r"(\s)", text):
        links = [link for part in _BETWEEN_LINKS.split(chunk) if (link := _link(part))]
        found.links.update(links)
        kept.append(" " if links else chunk)
    words = text.lower().split()
    if any(word == "dot" and following.isalpha() for word, following in pairwise(words)):
        found.links.add("dot")  # "example dot com"
    return "".join(kept)


def _link(part: str) -> str:
    """The link or address, in one way of writing; "" for anything else."""
    if not any(sign in part for sign in ".:@。"):
        return ""
    name = part.lower().replace("。", ".").strip(".:?'’…_-")
    for prefix in ("mailto:", "https://", "http://", "www."):
        name = name.removeprefix(prefix)
    name = name.rstrip("/")
    if (
        "@" in name
        or "://" in name
        or name.startswith(("tel:", "whatsapp:", "sms:"))
        or part.lower().startswith("www.")
    ):
        return name
    if part.lower().startswith(("http://", "https://", "mailto:")):
        return name
    labels = name.split("/")[0].split("?")[0].split(":")[0].split(".")
    is_host = len(labels) > 1 and all(label.replace("-", "").isalnum() for label in labels)
    is_domain = labels[-1].startswith("xn--") or (labels[-1].isalpha() and len(labels[-1]) > 1)
    return name if is_host and is_domain else ""


def _take_phones(text: str, found: Facts) -> str:
    """The text without what could be dialled, which goes to `found`; dates and amounts stay."""
    kept, end = [], 0
    for match in _RUN.finditer(text):
        digits = "".join(sign for sign in match[0] if sign.isdecimal())
        if len(digits) < LEAST_OF_A_PHONE and not _SINGLE_DIGITS.fullmatch(match[0]):
            continue
        found.runs.add(digits)
        if _is_amount(match[0]):
            continue
        kept.append(text[end : match.start()])
        end = match.end()
        if _DATES.fullmatch(match[0]):
            continue
        found.phones.add(digits)
    return " ".join([*kept, text[end:]])


def _is_amount(run: str) -> bool:
    """Whether the digits are one amount, which the rules for numbers judge."""
    return run[0] not in "0+" and (run.isdecimal() or bool(_THOUSANDS.fullmatch(run)))


def _streets(text: str) -> set[str]:
    pairs = pairwise(word.strip(".,;:!?") for word in text.split())
    return {f"{name} {kind}".lower() for name, kind in pairs if kind in STREETS and name[:1].isupper()}


# --- numbers


def _tokens(text: str) -> list[Token]:
    found, end = [], 0
    for match in _TOKEN.finditer(text):
        found.append(Token(match[0], str(match.lastgroup), text[end : match.start()]))
        end = match.end()
    return found


@dataclass
class _Reader:
    """Reads the numbers of a text, token by token."""

    tokens: list[Token]
    currency: Currency

    def numbers(self) -> Iterator[Number]:
        place = 0
        while place < len(self.tokens):
            token = self.tokens[place]
            if token.is_digits:
                place, number = self._digits(place)
                yield from number
            elif token.kind == "word" and token.lower in _SPELLED:
                place, spelled = self._spelled(place)
                yield spelled
            else:
                place += 1

    def at(self, place: int) -> Token:
        return self.tokens[place] if 0 <= place < len(self.tokens) else NOTHING

    def _digits(self, first: int) -> tuple[int, list[Number]]:
        """The number that begins there, and the place behind it."""
        if behind := self._end_of_time(first):
            return behind, [Number(Kind.HARMLESS, None)]
        last, text = self._with_thousands(first)
        value = read(text, self.currency)
        following = self.at(last + 1)
        if self._is_percent(last + 1):
            return last + 2, [Number(Kind.PERCENT, value, text)]
        marker = self._marker_before(first) or self._marker_after(last)
        if marker:
            glued = following.kind == "word" and not following.gap and not self._marker_after(last)
            return last + 1, [Number(Kind.AMOUNT, None if glued else value, text, marker)]
        if value is not None and self._is_day(first, last, value):
            return last + 1, [Number(Kind.HARMLESS, value)]
        if glued_text := self._glued(first, last):
            return last + 1, [Number(Kind.PLAIN, value if value is not None and value <= SMALL else None, glued_text)]
        if self._is_of_a_fee(first, last):
            return last + 1, [Number(Kind.AMOUNT, value, text)]
        if value is None:  # "1,2,3", "08.00"
            parts = re.split(r"\D", text)
            return last + 1, [Number(Kind.PLAIN, Decimal(part), part) for part in parts if part]
        return last + 1, [Number(Kind.PLAIN, value, text)]

    def _end_of_time(self, place: int) -> int:
        """The place behind `08:00`, `9am` or `8.30 pm`; 0 where there is no time."""
        hours, colon, minutes = self.at(place), self.at(place + 1), self.at(place + 2)
        if colon.lower in ("am", "pm") and len(colon.gap) <= 1 and _TIME.fullmatch(hours.text):
            return place + 2
        is_glued = (colon.text, colon.gap, minutes.gap) == (":", "", "")
        return place + 3 if is_glued and _TIME.fullmatch(f"{hours.text}:{minutes.text}") else 0

    def _with_thousands(self, first: int) -> tuple[int, str]:
        """`1 250` is one number, unless it is `Form 1 250` or `Forms 1-2 250`."""
        text, last = self.at(first).text, first
        before = self.at(first - 1)
        if len(text) > 3 or not text.isdecimal() or before.lower in LEVELS or (before.text in "-–" and before.text):
            return last, text
        while True:
            following = self.at(last + 1)
            is_group = following.is_digits and len(following.gap) == 1 and _GROUP.fullmatch(following.text)
            if not is_group or not text.isdecimal():
                return last, text
            text, last = text + following.text, last + 1

    def _is_percent(self, place: int) -> bool:
        return self.at(place).lower in ("%", "percent", "pct") or (
            self.at(place).lower == "per" and self.at(place + 1).lower == "cent"
        )

    def _is_day(self, first: int, last: int, value: Decimal) -> bool:
        """`7 September`, `September 7th`, `3rd`."""
        if value > 31 or value != value.to_integral_value():
            return False
        after = self.at(last + 1)
        is_ordinal = not after.gap and after.lower in ("st", "nd", "rd", "th")
        months = self.at(last + (2 if is_ordinal else 1)).text, self.at(first - 1).text
        return is_ordinal or any(name.lower() in MONTHS and name[0].isupper() for name in months)

    def _glued(self, first: int, last: int) -> str:
        """The number with the letters that touch it: `A4`, `R2D2`, `65O`; "" without any."""
        before, after = self.at(first - 1), self.at(last + 1)
        prefix = before.text if before.kind == "word" and not self.at(first).gap else ""
        suffix = after.text if after.kind == "word" and not after.gap else ""
        if not prefix and not suffix:
            return ""
        return f"{prefix}{self.at(first).text}{suffix}" + ("!" if suffix else "")

    # --- what it is a number of

    def _code(self, word: str, *, before: bool = False, glued: bool = False) -> str | None:
        """The currency that a word or sign names; None for one that names none."""
        if word in CODES:
            return word
        if word == self.currency.symbol:
            return self.currency.code
        if before and word in CAPITALS and (glued or word == "R"):
            return CAPITALS[word]
        if len(word) == 1 and word.isalpha():
            return None
        names = names_of(self.currency)
        if code := names.get(singular(word)):
            return code
        return word if len(word) == 1 and unicodedata.category(word) == "Sc" else None

    def _marker_before(self, first: int) -> str | None:
        """The currency named before a number: `$650`, `US$ 650`, `Rs. 650`, `USD: 650`, `$-650`, `euros 650`."""
        gap, place = self.at(first).gap, first - 1
        token = self.at(place)
        if token.text and token.text in "-–−.:=(" and not (token.gap and token.text != "(" and token.text != "="):
            gap, place = gap or token.gap, place - 1
            token = self.at(place)
        if len(gap) > 1 or not token.text or token.is_digits:
            return None
        if token.kind == "sign" and not token.gap and self.at(place - 1).kind == "word":
            if code := self._code(self.at(place - 1).text + token.text):
                return code
            if self.at(place - 1).text.isupper() and self._code(token.text):
                return self.at(place - 1).text + token.text  # of a currency that is not known here
        if is_noun(token.text) and token.kind == "word" and self.at(place - 1).is_digits:
            return None  # "90 euros 2 times": it belongs to the number before
        if token.kind == "sign" and self._belongs_to_the_left(place):
            return None
        if token.kind == "word" and (code := names_of(self.currency).get(self._qualified(place - 1, place))):
            return code
        return self._code(token.text, before=True, glued=not gap)

    def _belongs_to_the_left(self, place: int) -> bool:
        """Whether a sign between two numbers is of the one before: `650$ 2 children`."""
        sign, after = self.at(place), self.at(place + 1)
        if not self.at(place - 1).is_digits or not after.is_digits:
            return False
        if bool(sign.gap) == bool(after.gap):
            return not self.currency.is_before
        return not sign.gap

    def _marker_after(self, last: int) -> str | None:
        """The currency named behind a number: `650 €`, `650 USD`, `650 US dollars`, `650/=`."""
        token, following = self.at(last + 1), self.at(last + 2)
        if len(token.gap) > 1 or not token.text or token.is_digits:
            return None
        if token.text == "/" and not token.gap and following.text in ("=", "-") and not following.gap:
            return names_of(self.currency)["shilling"]
        if token.kind == "sign":
            is_left = self._belongs_to_the_left(last + 1) or not following.is_digits or len(following.gap) > 1
            return self._code(token.text) if is_left else None
        if following.kind == "sign" and not following.gap and (code := self._code(token.text + following.text)):
            return None if self.at(last + 3).is_digits and len(self.at(last + 3).gap) <= 1 else code
        if following.kind == "word" and is_noun(following.text):
            third = self.at(last + 3)
            if third.kind == "word" and is_noun(third.text):
                return self._noun(last + 2, last + 3)
            return self._noun(last + 1, last + 2)
        if following.is_digits and len(following.gap) <= 1 and not is_noun(token.text):
            return None  # "Form 3 USD 650": it belongs to the next number
        third = self.at(last + 3)
        if following.text[:1].isupper() and third.kind == "word" and is_noun(third.text):
            return self._noun(last + 2, last + 3)  # "650 South African rand"
        return self._code(token.text)

    def _qualified(self, place: int, noun: int) -> str:
        return f"{self.at(place).lower} {singular(self.at(noun).text)}"

    def _noun(self, qualifier: int, noun: int) -> str:
        """`US dollars`; of a qualifier that is not known, a currency of its own."""
        name = self._qualified(qualifier, noun)
        known = names_of(self.currency).get(name)
        return known or (self._code(self.at(noun).text) if is_noun(self.at(qualifier).text) else None) or name

    def _is_of_a_fee(self, first: int, last: int) -> bool:
        """Whether a fee word says that the number is an amount: `pays 650`, `Form 1: 650`, `650 a term`, `650 fees`."""
        if self._is_level(first):
            return False
        after, following = self.at(last + 1), self.at(last + 2)
        unit = singular(after.text) if after.kind == "word" else ""
        if unit in UNITS or after.lower in ("%",):
            return False
        if after.lower in FEE_NOUNS or (after.lower in RATES and singular(following.text) in RATED):
            return True
        is_stated = self.at(first - 1).lower in STATES
        has_number = False
        for place in range(first - 1, max(first - 1 - NEIGHBOURS, -1), -1):
            token = self.at(place)
            if token.lower in FEE_WORDS:
                return not has_number
            if token.is_digits:
                has_number = True
            elif token.lower in LEVELS:
                return is_stated and has_number
            elif token.lower not in CONNECTORS and token.text not in ":=–-":
                return False
        return False

    def _is_level(self, first: int) -> bool:
        """Whether it is the number of a class or term: `Form 1`, `Grades 1-4`, `Terms 1, 2 and 3`."""
        for place in range(first - 1, max(first - 1 - NEIGHBOURS, -1), -1):
            token = self.at(place)
            if token.lower in LEVELS:
                return True
            if not token.is_digits and token.text not in ("-", "–", ",", "/", "and", "to"):
                return False
        return False

    def _spelled(self, first: int) -> tuple[int, Number]:
        """A number in words, and the place behind it; "nine-hundred", "seven hundred and fifty-one"."""
        words, place = [self.at(first).lower], first + 1
        while True:
            step = 1 if self.at(place).text in ("-", "and") else 0
            word = self.at(place + step)
            if word.kind != "word" or word.lower not in _SPELLED:
                break
            words.append(word.lower)
            place += step + 1
        value = value_of(words)
        if self._is_percent(place):
            return place + 1, Number(Kind.PERCENT, value, is_spelled=True)
        is_money = self._marker_after(place - 1) is not None
        is_of_a_fee = words != ["one"] and self._is_of_a_fee(first, place - 1)
        kind = Kind.AMOUNT if is_money or is_of_a_fee else Kind.PLAIN
        return place, Number(kind, value, is_spelled=True)


def read(text: str, currency: Currency) -> Decimal | None:
    """`1,250.00` or `1.250,00`: by the school's own way of writing where both are possible; None: no number."""
    digits = re.split(r"[.,'’]", text)
    signs = [sign for sign in text if not sign.isdecimal()]
    if not signs:
        return Decimal(text)
    *groups, end = digits
    is_grouped = all(len(group) == 3 for group in groups[1:]) and len(groups[0]) <= 3 and len(set(signs[:-1])) <= 1
    if len(signs) == 1 and signs[0] in ".," and len(end) < 3:
        return Decimal(f"{groups[0]}.{end}")
    if len(signs) == 1 and signs[0] == currency.point:
        return None  # "$1.250": three digits are no cents
    if not is_grouped:
        return None
    if len(end) == 3 and len(set(signs)) == 1:
        return Decimal("".join(digits))
    if len(end) < 3 and len(signs) > 1 and signs[-1] in ".," and signs[-1] != signs[0]:
        return Decimal("".join(groups) + "." + end)
    return None


def value_of(words: list[str]) -> Decimal | None:
    """A number in words; None for what is said in another way: "nine fifty", "thousands"."""
    total, part, last = 0, 0, 1000
    for word in words:
        if word in _UNITS_SPELLED and last >= 20 and part % 10 == 0:
            part, last = part + _UNITS_SPELLED[word], 1
        elif word in _TENS_SPELLED and last >= 100:
            part, last = part + _TENS_SPELLED[word], 20
        elif word == "hundred" and part < 20:
            part, last = max(part, 1) * 100, 100
        elif word in ("thousand", "million"):
            total, part, last = total + max(part, 1) * _SCALES[word], 0, 1000
        else:
            return None
    return Decimal(total + part)
