"""Payment notices: their signature, their form, and the receipts that follow, as the queue carries them."""

import json
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.domain.errors import InvalidRequest
from functions.domain.payments import MAX_AGE, ExpiredReceipt, PaymentNotice, Receipt, is_signed, sign
from tests.domain.a_school import SCHOOL, TARIRO, account, figures

SECRET, RAW, NOW = "of this test", b'{"id": "receipt-20931"}', 1_795_420_800
BODY = {
    "id": "receipt-20931",
    "student_id": "SSC20257279",
    "term": "2026-3",
    "amount": "120.00",
    "fee_type": "Tuition",
    "date": "2026-11-23",
}

# --- the signature


def test_signature_equals_the_one_of_openssl() -> None:
    # computed with: printf '1795420800.{"id": "receipt-20931"}' | openssl dgst -sha256 -hmac "of this test"
    assert sign(RAW, SECRET, NOW) == (
        "t=1795420800,v1=37354e7a49c3a66dd261d9c32d43626c505503911079c2c7fed1341403ad149b"
    )


@given(st.binary(max_size=200), st.text(min_size=1, max_size=40))
def test_signed_bytes_are_valid(raw: bytes, secret: str) -> None:
    assert is_signed(raw, sign(raw, secret, NOW), secret, NOW)


@given(st.binary(max_size=80))
def test_other_bytes_or_another_secret_are_invalid(other: bytes) -> None:
    assert is_signed(other, sign(RAW, SECRET, NOW), SECRET, NOW) is (other == RAW)
    assert not is_signed(RAW, sign(RAW, "another secret", NOW), SECRET, NOW)


@pytest.mark.parametrize(("age", "valid"), [(0, True), (MAX_AGE, True), (MAX_AGE + 1, False), (-MAX_AGE - 1, False)])
def test_old_signature_cannot_be_replayed(age: int, valid: bool) -> None:
    assert is_signed(RAW, sign(RAW, SECRET, NOW - age), SECRET, NOW) is valid


def test_moment_is_part_of_what_is_signed() -> None:
    earlier = sign(RAW, SECRET, NOW - 2 * MAX_AGE)
    assert not is_signed(RAW, earlier.replace(str(NOW - 2 * MAX_AGE), str(NOW)), SECRET, NOW)


@pytest.mark.parametrize(
    "header", [None, "", "t=,v1=", "v1=abc", f"t={NOW}", f"t={NOW},v1=", f"t={NOW},v1=ü", "t=now,v1=abc", ",,=,"]
)
def test_damaged_header_is_invalid(header: str | None) -> None:
    assert not is_signed(RAW, header, SECRET, NOW)


def test_nothing_is_valid_without_a_secret() -> None:
    assert not is_signed(RAW, sign(RAW, "", NOW), "", NOW)


# --- the notice


def test_notice_is_read_from_the_documented_body() -> None:
    found = PaymentNotice.read(BODY)
    assert found == PaymentNotice(
        "receipt-20931", "SSC20257279", "2026-3", Decimal("120.00"), "Tuition", date(2026, 11, 23)
    )
    assert found.message_id == "payment:receipt-20931"


@pytest.mark.parametrize("changes", [{}, {"date": None}, {"fee_type": None}, {"amount": 120}])
def test_notice_survives_the_queue(changes: dict[str, object]) -> None:
    found = PaymentNotice.read(BODY | changes)
    assert PaymentNotice.read(json.loads(json.dumps(found.as_json()))) == found


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"id": ""}, "id"),
        ({"id": "x" * 101}, "id"),
        ({"id": 5}, "id"),
        ({"student_id": None}, "student_id"),
        ({"term": "2026-3 and more"}, "term"),
        ({"amount": "0"}, "amount"),
        ({"amount": "-5"}, "amount"),
        ({"amount": "a lot"}, "amount"),
        ({"amount": None}, "amount"),
        ({"date": "yesterday"}, "date"),
        ({"currency": "ZWG"}, "currency"),
        ({"currency": "dollars"}, "currency"),
    ],
)
def test_unusable_field_is_named(changes: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        PaymentNotice.read(BODY | changes, SCHOOL.currency)
    assert refused.value.field == field


@pytest.mark.parametrize("currency", [None, "", "USD", "$"])
def test_a_notice_may_name_the_schools_currency(currency: object) -> None:
    assert PaymentNotice.read(BODY | {"currency": currency}, SCHOOL.currency) == PaymentNotice.read(BODY)


@pytest.mark.parametrize("body", [None, [], "text", 5])
def test_what_is_not_an_object_is_refused(body: object) -> None:
    with pytest.raises(InvalidRequest, match="body"):
        PaymentNotice.read(body)


# --- receipts


def test_receipt_survives_the_state_machine_without_its_account() -> None:
    receipt = Receipt(TARIRO, "2026-3", Decimal("120.00"), account((TARIRO, figures("400", "120"))))
    found: Any = json.loads(json.dumps(receipt.as_json()))
    assert Receipt.read(found) == Receipt(TARIRO, "2026-3", Decimal("120.00"))
    assert Receipt.read(found, receipt.account) == receipt


def test_expired_receipt_survives_the_queue() -> None:
    expired = ExpiredReceipt("wamid.r", "payment:receipt-20931:7")
    assert expired.as_json() == {"id": "expired:wamid.r", "expired_receipt": "payment:receipt-20931:7"}
    assert ExpiredReceipt.read(json.loads(json.dumps(expired.as_json()))) == expired


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"id": "expired:wamid.r"}, "expired_receipt"),
        ({"id": "expired:wamid.r", "expired_receipt": "wamid.1"}, "expired_receipt"),
        ({"id": "wamid.r", "expired_receipt": "payment:1:7"}, "id"),
        ({"expired_receipt": "payment:1:7"}, "id"),
    ],
)
def test_unusable_expired_receipt_is_named(body: dict[str, object], field: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        ExpiredReceipt.read(body)
    assert refused.value.field == field
