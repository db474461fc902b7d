"""The payment endpoint, called as its page tells the developer of the school's system to call it."""

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

from functions import payment_event
from local.plan import Plan
from tests.conftest import Aws

PAGE = (Path(__file__).parents[2] / "docs" / "payment-events.md").read_text("utf-8")
CURL = "curl() { for argument; do printf '%s\\0' \"$argument\"; done; }\n"  # shows what it would send


@pytest.fixture
def sent(plan: Plan) -> dict[str, Any]:
    """What the page's shell example sends, as the front door hands it over."""
    if shutil.which("openssl") is None:
        pytest.skip("this machine has no openssl")
    (example,) = re.findall(r"```sh\n(.+?)```", PAGE, re.DOTALL)
    known = {**os.environ, "PAYMENT_SECRET": plan.payment_secret, "PAYMENT_URL": "https://example/events/payment"}
    done = subprocess.run(["sh", "-c", CURL + example], capture_output=True, text=True, check=True, env=known)
    arguments = done.stdout.split("\0")
    headers = [arguments[place + 1].split(": ", 1) for place, item in enumerate(arguments) if item == "-H"]
    return {
        "requestContext": {"http": {"method": "POST"}},
        "headers": {name.lower(): value for name, value in headers},
        "body": arguments[arguments.index("--data-binary") + 1],
    }


@pytest.mark.usefixtures("secrets")
def test_the_documented_example_is_taken(aws: Aws, plan: Plan, sent: dict[str, Any]) -> None:
    assert payment_event.handler(sent, None)["statusCode"] == 202
    (message,) = aws.bodies(plan.queue_url("messages.fifo"))
    assert (message["id"], message["details"]["amount"]) == ("payment:receipt-20931", "120.00")


@pytest.mark.usefixtures("secrets")
def test_another_body_under_the_same_signature_is_refused(aws: Aws, plan: Plan, sent: dict[str, Any]) -> None:
    changed = sent | {"body": sent["body"].replace("120.00", "920.00")}
    assert payment_event.handler(changed, None)["statusCode"] == 401
    assert aws.bodies(plan.queue_url("messages.fifo")) == []


def test_every_field_and_every_answer_is_on_the_page() -> None:
    for wanted in ("id", "student_id", "term", "amount", "fee_type", "date"):
        assert f"| `{wanted}` |" in PAGE
    for status in (202, 400, 401):
        assert f"| {status} |" in PAGE
