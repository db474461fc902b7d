"""Mobile numbers of the sample school's country, and the ways in which clerks write them."""

from dataclasses import dataclass
from functools import cached_property
from itertools import product
from typing import Final

import phonenumbers

from functions.adapters.phone_numbers import normalise

DIGITS: Final = 7  # at the end of each number, free for the sample; shorter numbers have fewer
PROBES: Final = (2_000_000, 2_100_001, 2_200_000, 2_240_000, 2_400_000, 2_900_001)  # all must be valid
WAYS_OF_WRITING: Final = 9


@dataclass(frozen=True)
class Phones:
    """Numbers that are valid in the country (ISO 3166 code): one prefix, then seven digits."""

    country: str

    @cached_property
    def _calling_code(self) -> str:
        return str(phonenumbers.country_code_for_region(self.country))

    @cached_property
    def _trunk(self) -> str:
        """What stands before a number inside the country: "0", or nothing."""
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(self.country)
        return (metadata and metadata.national_prefix) or ""

    @cached_property
    def _prefix(self) -> str:
        """Digits with which all the sample's numbers are valid; 77 where the country has it."""
        example = phonenumbers.example_number_for_type(self.country, phonenumbers.PhoneNumberType.MOBILE)
        if example is None:
            raise ValueError(f"no mobile numbers are known for the country {self.country}")
        usual = str(example.national_number)[:-DIGITS]
        first = ("77" + usual[2:]) if len(usual) >= 2 else usual
        others = ("".join(digits) + usual[2:] for digits in product("987654321", repeat=min(2, len(usual))))
        for prefix in (first, usual, *others):
            if all(_is_mobile(f"+{self._calling_code}{prefix}{probe}") for probe in PROBES):
                return prefix
        raise ValueError(f"no block of mobile numbers was found for the country {self.country}")

    def number(self, place: int) -> str:
        """In E.164."""
        return f"+{self._calling_code}{self._prefix}{place:0{DIGITS}d}"

    def written(self, number: str, style: int) -> str:
        """A number (E.164) in one of the ways in which clerks write it, if the country can read that one."""
        code, trunk = self._calling_code, self._trunk
        local = number.removeprefix(f"+{code}")
        spaced = f"{local[:2]} {local[2:5]} {local[5:]}"
        way = (
            number,
            trunk + local,
            local,
            code + local,
            trunk + spaced,
            f"{trunk}{local[:2]}-{local[2:5]}-{local[5:]}",
            f"({trunk}{local[:2]}) {local[2:5]} {local[5:]}",
            f" +{code} {spaced} ",
            f"{code}{local}.0",
        )[style % WAYS_OF_WRITING]
        return way if normalise(way, self.country) == number else number

    def unreadable(self, number: str) -> str:
        """The number with digits left out at its end, so that nobody can be called."""
        written = self.written(number, 1)[:-1]
        while normalise(written, self.country):
            written = written[:-1]
        return written


def _is_mobile(number: str) -> bool:
    mobile = (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE)
    parsed = phonenumbers.parse(number)
    return phonenumbers.is_valid_number(parsed) and phonenumbers.number_type(parsed) in mobile
