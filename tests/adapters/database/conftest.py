"""What the tests of the tables share: an empty schema, and messages."""

from typing import Any

import pytest

from functions.domain.messages import Message
from tests.conftest import Database as Tables

PHONE, BSUID = "+263771234567", "ZW.13491208655302741918"
MOMENT = 1795420800  # Unix seconds at which the messages of the tests were written


@pytest.fixture(autouse=True)
def tables(database: Tables) -> Tables:
    return database


def message(name: str = "wamid.1", phone: str | None = PHONE, bsuid: str | None = BSUID, **more: Any) -> Message:
    return Message(name, more.pop("type", "text"), more.pop("timestamp", MOMENT), phone, bsuid, "1", **more)
