"""Carries out a command that staff of the school wrote."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.staff.desk import Order


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message", "person", "plan": {"command"}}` -> what was found or done, and `letter`: what a parent is told."""
    return dependencies.staff_desk().carry_out(Order.parse(event))


initialize(dependencies.staff_desk)
