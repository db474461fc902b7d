"""Tells a parent what staff of the school wrote or did."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.write_to_parent import Letter


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "request": {"letter"}}` -> `{"delivered": "message" | "template" | null}`."""
    return dependencies.letter_writer().write(Letter.parse(event))


initialize(dependencies.letter_writer)
