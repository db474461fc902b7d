"""The payment endpoint, called as its page tells the developer of the school's system to call it."""

import os
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest

from functions import payment_event
from functions.domain.payments import PaymentNotice, sign
from local.plan import Plan
from tests.conftest import Aws

PAGE = (Path(__file__).parents[2] / "docs" / "payment-events.md").read_text("utf-8")
CURL = "curl() { for argument; do printf '%s\\0' \"$argument\"; done; }\n"  # shows what it would send


@pytest.fixture
def sent(plan: Plan) -> dict[str, Any]:
    """What the page's shell example sends, as API Gateway hands it over."""
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
def test_the_documented_example_is_accepted_and_queued(aws: Aws, plan: Plan, sent: dict[str, Any]) -> None:
    assert payment_event.handler(sent, None)["statusCode"] == 202
    (notice,) = aws.bodies(plan.queue_url("payments.fifo"))
    assert (notice["id"], notice["amount"]) == ("receipt-20931", "120.00")
    assert PaymentNotice.read(notice).message_id == "payment:receipt-20931"
    assert aws.bodies(plan.queue_url("messages.fifo")) == []


@pytest.mark.usefixtures("secrets")
def test_the_same_notice_again_is_accepted_and_queued_once(aws: Aws, plan: Plan, sent: dict[str, Any]) -> None:
    assert [payment_event.handler(sent, None)["statusCode"] for _ in range(2)] == [202, 202]
    assert len(aws.bodies(plan.queue_url("payments.fifo"))) == 1


@pytest.mark.usefixtures("secrets")
def test_another_body_under_the_same_signature_is_refused(aws: Aws, plan: Plan, sent: dict[str, Any]) -> None:
    changed = sent | {"body": sent["body"].replace("120.00", "920.00")}
    assert payment_event.handler(changed, None)["statusCode"] == 401
    assert aws.bodies(plan.queue_url("payments.fifo")) == []


@pytest.mark.usefixtures("secrets")
@pytest.mark.parametrize(
    ("body", "field"), [("no JSON", "body"), ("[]", "body"), ('{"id": "1"}', "student_id"), (None, "amount")]
)
def test_a_signed_body_that_is_no_notice_is_refused_by_name(
    aws: Aws, plan: Plan, sent: dict[str, Any], body: str | None, field: str
) -> None:
    changed = body if body is not None else sent["body"].replace("120.00", "-1")
    headers = {"x-signature": sign(changed.encode(), plan.payment_secret, time.time())}
    answer = payment_event.handler(sent | {"body": changed, "headers": headers}, None)
    assert (answer["statusCode"], answer["body"].partition(":")[0]) == (400, field)
    assert aws.bodies(plan.queue_url("payments.fifo")) == []


@pytest.mark.usefixtures("secrets")
def test_a_queue_that_does_not_accept_it_is_answered_with_try_again(
    aws: Aws, plan: Plan, sent: dict[str, Any], environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("PAYMENT_QUEUE_URL", plan.queue_url("nothing"))
    assert payment_event.handler(sent, None)["statusCode"] == 503


def test_every_field_and_every_answer_is_on_the_page() -> None:
    for wanted in ("id", "student_id", "term", "amount", "fee_type", "date"):
        assert f"| `{wanted}` |" in PAGE
    for status in (202, 400, 401):
        assert f"| {status} |" in PAGE
