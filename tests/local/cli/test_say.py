"""Options of `say`."""

import argparse

import pytest

from local.cli.say import phone_number


@pytest.mark.parametrize(("given", "phone"), [("+263 772 100 002", "+263772100002"), ("263772100002", "+263772100002")])
def test_a_phone_number_needs_its_country_code(given: str, phone: str) -> None:
    assert phone_number(given) == phone
    with pytest.raises(argparse.ArgumentTypeError, match="country code"):
        phone_number("tendai")
