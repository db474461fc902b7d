"""Applies the gate-pass rules, records the pass, draws the PDF and stores it."""

from typing import Any

from functions import dependencies
from functions.adapters.initialization import initialize
from functions.adapters.observability import instrumented
from functions.services.issue_gate_pass import PassRequest


@instrumented
def handler(event: dict[str, Any], context: object) -> dict[str, Any]:
    """`{"message_id", "student", "account", "phone"}` -> a refusal with what is missing, or the pass and its file."""
    return dependencies.gate_pass_issuer().issue(PassRequest.parse(event))


initialize(dependencies.gate_pass_issuer, lambda: dependencies.primary().prewarm())
