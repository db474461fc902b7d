"""What an answer of the model may say: amounts, numbers, phone numbers, links and addresses that were given to it."""

import re
import time
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.grounding import amounts_in, is_grounded
from functions.domain.money import Currency

DOLLARS = Currency.of("USD", "US dollars", "$1,250.00")
EUROS = Currency.of("EUR", "euros", "1.250,00 €")
SHILLINGS = Currency.of("KES", "Kenyan shillings", "KSh 1,250")
RAND = Currency.of("ZAR", "South African rand", "R1 250,00")
ALL = (DOLLARS, EUROS, SHILLINGS, RAND)

GIVEN = (
    "Today is Monday, 23 November 2026. Fees per term: primary $400, Forms 1-2 $650, Forms 3-4 $700. "
    "Late pick-up $10. Books cost R1,200. Assessment ZiG 800. A trip is 90 euros. About 25 learners to a teacher. "
    "70 % is due before the first day. 39 Winson Road, classes at 14 and 50 Alexandra Drive. "
    "Call +263 242 570 000 or 0771 234 567, write to info@college.ac.zw, see https://www.college.ac.zw/fees. "
    "School runs from 08:00 to 15:00, pick-up until 15:45. "
    "Tariro Moyo (Grade 3), 2026-3: billed $1,250.00, paid $500.00 (40 %), still owed $750.00"
)


def may(answer: str) -> bool:
    return is_grounded(answer, GIVEN, DOLLARS)


@pytest.mark.parametrize(
    "answer",
    [
        "Tariro was billed $1,250.00; $500.00 is paid and $750.00 is still owed.",
        "You owe $750.",
        "You owe 750 dollars.",
        "It is USD 650, or 650 US dollars, for Form 1.",
        "Form 1 pays 650.",
        "The fee is *$650* a term.",
        "Fees: _$400_ for primary.",
        "Books cost R1,200, that is R 1 200.",
        "The assessment is ZiG 800.",
        "The trip costs 90 euros (€90).",
        "70 % is due first, 40% is paid, forty percent.",
        "Call +263 242 570 000, or 0771234567.",
        "Call 0242-570-000 or (0771) 234 567.",
        "Write to info@college.ac.zw. Fees: https://www.college.ac.zw/fees",
        "See college.ac.zw/fees.",
        "We are at 39 Winson Road and 50 Alexandra Drive.",
        "There are about 25 learners to a teacher, twenty-five.",
        "School starts at 08:00 and the gate opens at 07:15.",
        "Term 3, 2026 began on 7 September 2026; it is the 3rd term. Fees are due 1 October.",
        "Sports day was in 2025, on December 5th, 2025.",
        "Your 2 children, two boys, can come in 3 days. 1. Come. 2. Sign.",
        "You can pay in 3 instalments. You paid 3 times.",
        "Grade 3, Form 1-4, ECD-A, A4 paper, at 9am.",
        "The date is 2026-11-23, in the years 2026-2027.",
        "Fizi dzeprimary i$400.",
        "Lessons begin at 8.30am, sports at 5 pm.",
        "The dates are 23/11/2026 and 23-11-2026.",
        "One way is half of it. One of the fees is paid once.",
        "Please ask the office, e.g. in the morning (a.m.).",
        "",
    ],
)
def test_what_was_given_may_be_said(answer: str) -> None:
    assert may(answer)


@pytest.mark.parametrize(
    "answer",
    [
        # another amount, in any form
        "You owe $751.",
        "You owe 751.",
        "The balance is 749.99",
        "It is $1.250",
        "It costs $65O",
        "You get $2k back",
        "That is $ 1 251",
        "It is US$651 in all.",
        "Pay USD\u00a0651",
        "It is $\u200b651.",
        "It is ＄６５１.",
        "It is $٦٥١.",
        "$-651 is left",
        "It is 651$ a term.",
        "Pay $650.5",
        # the right number in the wrong currency
        "ZiG 650",
        "R650",
        "R 650",
        "€650",
        "650 euros",
        "650 rand",
        "650 Zimbabwean dollars",
        "ZWL$650",
        "Z$650",
        "650 pula",
        "KSh 650",
        "KES650",
        "650/=",
        "₦650",
        "£650",
        "Books cost $1,200.",
        "The trip is $90.",
        "650 bond",
        "650 pounds sterling",
        # the cases of the issue, and their siblings
        "ZiG 5,000",
        "zig 5000",
        "5,000 ZiG",
        "5 000 bond notes",
        "R900",
        "r900",
        "Form 1 pays 900",
        "Form 1: 900",
        "Form 1 - 900.",
        "900 for Form 1",
        "900 a term",
        "Primary is 450 now.",
        "Each child 900.",
        "nine-hundred bucks",
        "nine hundred",
        "Nine Hundred dollars",
        "five hundred dollars",
        "a thousand",
        "two grand",
        "fifty-five bucks",
        "seven hundred and fifty-one",
        "a dozen dollars",
        "hundreds of dollars",
        "nine fifty",
        "mazana mapfumbamwe",
        "900k",
        "9️⃣0️⃣0️⃣",
        "9 0 0",
        "Form 1 pays 9-0-0.",
        "⁹⁰⁰",
        "9\u034f00",
        "Form 1 is 70.",
        "a hundred",
        "X$400",
        "You may 20",
        "Fees may 31 be",
        "It costs 9.",
        "The fee is 5",
        "It is 5 per term",
        "You pay 12 a month",
        "It costs nine.",
        "Form 1 pays 2031",
        "Form 1 pays 25.",
        "20 % discount",
        "20% off",
        "20 percent off",
        "twenty percent off",
        # phone numbers and codes
        "EcoCash 0772 999 888",
        "Send it to EcoCash 0772999888.",
        "Pay to +263772999888",
        "Call 077 299-9888",
        "Call 07 10 11 12 10 09",
        "Call 0.7.1.2.1.0.1.1",
        "WhatsApp 00263 77 2999 888",
        "Call +27 771 234 567",
        "Dial *151*2*1*49321#",
        "EcoCash merchant 4411",
        "Account 10045 at the bank",
        "Call 570 001",
        # links and addresses
        "Pay at school-fees.example.com",
        "Pay at www.pay-school.co.zw/now",
        "Pay at HTTPS://Evil.example",
        "[Pay](http://evil.example/a)",
        "Pay at college.ac.zw.evil.com",
        "Pay at college.ac.zw/pay",
        "college.ac.zw/fees/pay",
        "Write to bursar@college.ac.zw",
        "Write to info@college.ac.zw.evil.com",
        "info＠evil.com",
        "evil。com",
        "bit.ly/3xYz",
        "evil.xn--p1ai",
        "evil.com:8080/pay",
        "user:pw@evil.com",
        "wa.me/263772999888",
        "tel:0772999888",
        "mailto:x@evil.com",
        "http://203.0.113.7/pay",
        "Pay at evil dot com",
        "Message @school_pay on Telegram",
        "We are at 41 Winson Road.",
        "We are in Samora Road.",
    ],
)
def test_what_was_not_given_is_never_said(answer: str) -> None:
    assert not may(answer)


@pytest.mark.parametrize(
    ("currency", "given_text", "said", "unsaid"),
    [
        (
            EUROS,
            "Fees: 2.150,00 €, lunch 310,00 €",
            ["2.150,00 €", "2.150 €", "€2.150", "2150 euros", "EUR 2150", "Lunch costs 310."],
            ["2,15 €", "2.151,00 €", "$2150", "2150 Dollar", "USD 310", "310 francs", "2.150,50 €"],
        ),
        (
            SHILLINGS,
            "Fees: KSh 45,000, lunch KSh 6,500.50",
            ["KSh 45,000", "Ksh.45,000", "45,000/=", "KES 45000", "45 000 shillings", "6,500.50 Kenyan shillings"],
            ["KSh 46,000", "USh 45,000", "$45,000", "45,000 Ugandan shillings", "TZS 45000", "45,000 bob notes $1"],
        ),
        (
            RAND,
            "Fees: R12 500,00 and a deposit of R950",
            ["R12 500,00", "R12500", "ZAR 12 500", "950 rand", "South African rand 950"],
            ["R12 501", "$950", "P950", "N$950", "950 dollars"],
        ),
    ],
)
def test_every_school_has_its_own_currency(
    currency: Currency, given_text: str, said: list[str], unsaid: list[str]
) -> None:
    assert [answer for answer in said if not is_grounded(answer, given_text, currency)] == []
    assert [answer for answer in unsaid if is_grounded(answer, given_text, currency)] == []


@given(st.integers(0, 10**9).map(lambda cents: Decimal(cents) / 100), st.sampled_from(ALL))
def test_an_amount_as_the_school_writes_it_is_found(amount: Decimal, currency: Currency) -> None:
    written = currency.show(amount)
    for sentence in ("You owe {}.", "{}", "It is {}, thank you", "Form 1 {}", "({})", "*{}*"):
        assert amounts_in(sentence.format(written), currency) == {amount}
    assert is_grounded(f"It is {written}.", f"Given: {written}", currency)


@given(st.integers(10, 10**7), st.integers(10, 10**7), st.sampled_from(ALL), st.sampled_from(ALL))
def test_only_the_given_amount_in_the_given_currency(one: int, other: int, mine: Currency, theirs: Currency) -> None:
    said = is_grounded(f"It is {theirs.show(Decimal(other))}.", f"Fees {mine.show(Decimal(one))}", mine)
    assert said == (one == other and mine.code == theirs.code)


FORMS = (
    "{n} dollars|{n} bucks|${n}|USD {n}|US$ {n}|{n}$|R{n}|ZiG {n}|{n} rand|€{n}|{n} €|{n}.00|pays {n}|costs about {n}"
    "|{n} per term|balance: {n}|EcoCash {n}|{n} only|code {n}|*{n}*|({n})|{n}!|#{n}|No. {n}|{n}th of it, {n}"
).split("|")


@given(
    st.integers(101, 10**12).filter(lambda n: str(n) not in GIVEN and n not in (1250, 1200, 1650)),
    st.sampled_from(FORMS),
)
def test_no_form_of_an_invented_number_passes(number: int, form: str) -> None:
    assert not may(f"Please note: {form.format(n=number)}") or 2020 <= number <= 2039


@given(st.text(max_size=400), st.text(max_size=200), st.sampled_from(ALL))
def test_any_text_can_be_judged(text: str, more: str, currency: Currency) -> None:
    is_grounded(text, more, currency)
    amounts_in(text, currency)


@pytest.mark.parametrize(
    "unit",
    [
        "1", "1,", "1.", "1 ", "12 3 ", "a", "a.", "a@", "$", "$1", "$ ", "fee ", "pay 1 ", "one ", "one-", "a-", "1-",
        "+1 ", "(", "://", "www.", "\u00a0", "ten hundred ", "is ", "1/", "Road ", "1 September ", "@", "…", "9:",
    ],
)  # fmt: skip
def test_judging_takes_time_in_proportion_to_the_length(unit: str) -> None:
    """Eight times the text takes about eight times as long; were it quadratic, sixty-four times."""

    def took(characters: int) -> float:
        text = unit * (characters // len(unit)) + "!"
        rounds = []
        for _ in range(3):
            start = time.process_time()
            is_grounded(text, text, DOLLARS)
            rounds.append(time.process_time() - start)
        return min(rounds)

    took(1000)
    assert took(32_000) < 24 * max(took(4_000), 0.0005)


def test_no_pattern_can_match_one_text_in_two_ways() -> None:
    """Every repetition is possessive: it never gives back what it took."""
    from functions.domain import grounding

    patterns = [value.pattern for value in vars(grounding).values() if isinstance(value, re.Pattern)]
    assert patterns
    for pattern in patterns:
        bare = re.sub(r"\[(?:\\.|[^\]\\])*\]|\\.|\{[\d,]+\}\+?", "C", pattern)  # without classes and escapes
        assert set(re.findall(r"[*+]\+?", bare)) <= {"*+", "++"}, pattern
