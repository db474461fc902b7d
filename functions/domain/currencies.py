"""How people name the currencies of the world, so that an amount in one is not taken for an amount in another."""

from collections.abc import Mapping
from functools import lru_cache
from types import MappingProxyType

from functions.domain.money import Currency

# Codes as they are written in capitals; some, such as ALL and TOP, are words in small letters.
CODES = frozenset(
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD CAD CDF CHF "
    "CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD GNF GTQ GYD HKD HNL HTG "
    "HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA "
    "MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD "
    "RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX "
    "USD UYU UZS VES VND VUV WST XAF XCD XOF XPF YER ZAR ZMW ZWG ZWL BTC ETH USDT".split()
)
# In small letters, as they are looked up; a noun in the singular.
_SIGNS = {
    "$": "USD", "us$": "USD", "usd$": "USD", "z$": "ZWL", "zw$": "ZWL", "zwl$": "ZWL", "zimdollar": "ZWL",
    "rtgs": "ZWL", "rtgs$": "ZWL", "bond": "ZWL", "zig": "ZWG", "zwl": "ZWL", "zwg": "ZWG", "usd": "USD",
    "usdt": "USDT", "eur": "EUR", "gbp": "GBP", "zar": "ZAR", "kes": "KES", "ugx": "UGX", "tzs": "TZS", "bwp": "BWP",
    "zmw": "ZMW", "mwk": "MWK", "ngn": "NGN", "ghs": "GHS", "ksh": "KES", "kshs": "KES", "ush": "UGX", "ushs": "UGX",
    "tsh": "TZS", "tshs": "TZS", "a$": "AUD", "au$": "AUD", "c$": "CAD", "ca$": "CAD", "n$": "NAD", "s$": "SGD",
    "hk$": "HKD", "nz$": "NZD", "r$": "BRL", "€": "EUR", "£": "GBP", "¥": "JPY", "₦": "NGN", "₵": "GHS", "gh₵": "GHS",
    "₹": "INR", "rs": "INR", "mt": "MZN", "fcfa": "XAF", "cfa": "XAF",
}  # fmt: skip
_NOUNS = {
    "dollar": "USD", "buck": "USD", "grand": "grand", "quid": "GBP", "pound": "GBP", "euro": "EUR", "cent": "cent",
    "rand": "ZAR", "pula": "BWP", "kwacha": "ZMW", "kwanza": "AOA", "metical": "MZN", "meticais": "MZN",
    "naira": "NGN", "cedi": "GHS", "shilling": "shilling", "bob": "shilling", "franc": "franc", "rupee": "INR",
    "yen": "JPY", "yuan": "CNY", "birr": "ETB", "dirham": "dirham", "peso": "peso", "bitcoin": "BTC",
}  # fmt: skip
_QUALIFIED = {
    "us dollar": "USD", "american dollar": "USD", "zim dollar": "ZWL", "zimbabwe dollar": "ZWL",
    "zimbabwean dollar": "ZWL", "bond note": "ZWL", "british pound": "GBP", "african rand": "ZAR",
    "kenyan shilling": "KES", "kenya shilling": "KES", "ugandan shilling": "UGX", "uganda shilling": "UGX",
    "tanzanian shilling": "TZS", "tanzania shilling": "TZS", "swiss franc": "CHF", "indian rupee": "INR",
}  # fmt: skip
_NICKNAMES = (("buck", "dollar"), ("bob", "shilling"), ("quid", "pound"))
CAPITALS = {"R": "ZAR", "P": "BWP", "K": "ZMW"}  # before a number only


@lru_cache(maxsize=4)
def names_of(currency: Currency) -> Mapping[str, str]:
    """Every sign and noun, as `singular` writes it -> the currency's code, or a name of its own.

    The school's own currency has its symbol and the words of its name: "dollars" are Australian where it is.
    """
    words = [singular(word) for word in currency.name.split()]
    own = {currency.symbol, currency.symbol.rstrip("."), currency.code, " ".join(words[-2:]), *words[-1:]}
    nicknames = {nickname for nickname, noun in _NICKNAMES if words[-1:] == [noun]}
    mine = {singular(name): currency.code for name in own | nicknames if name}
    return MappingProxyType({**_SIGNS, **_NOUNS, **_QUALIFIED, **mine})


def is_noun(word: str) -> bool:
    """Whether the word stands behind its number, as in "90 euros", and may have a qualifier before it."""
    return singular(word) in _NOUNS or singular(word) == "note"


def singular(word: str) -> str:
    lowered = word.lower()
    return lowered[:-1] if lowered.endswith("s") and len(lowered) > 3 and lowered[:-1] != "ksh" else lowered
