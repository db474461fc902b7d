"""Roles may do what a policy allows, and nothing else."""

from typing import Any

import pytest

from local.rehearsal.emulator.policies import decide

QUEUE = "arn:aws:sqs:eu-west-1:123456789012:school-dev-messages.fifo"
SECRET = "arn:aws:secretsmanager:eu-west-1:123456789012:secret:school/dev/key"
PASSES = "arn:aws:s3:::b/passes/"
ALLOW: dict[str, Any] = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": QUEUE}


@pytest.mark.parametrize(
    ("statements", "action", "resource", "allowed"),
    [
        ([], "sqs:SendMessage", QUEUE, False),
        ([ALLOW], "sqs:SendMessage", QUEUE, True),
        ([ALLOW], "SQS:sendmessage", QUEUE, True),
        ([ALLOW], "sqs:DeleteMessage", QUEUE, False),
        ([ALLOW], "sqs:SendMessage", QUEUE + "x", False),
        ([ALLOW | {"Action": ["sqs:*"]}], "sqs:DeleteMessage", QUEUE, True),
        ([ALLOW | {"Action": "x:Get", "Resource": [PASSES + "*"]}], "x:Get", PASSES + "1.pdf", True),
        ([ALLOW | {"Action": "x:Get", "Resource": [PASSES + "*"]}], "x:Get", "arn:aws:s3:::b/other", False),
        ([ALLOW | {"Action": "x:Get", "Resource": SECRET + "-??????"}], "x:Get", SECRET + "-AbCdEf", True),
        ([ALLOW | {"Action": "x:Get", "Resource": SECRET + "-??????"}], "x:Get", SECRET + "-other-AbCdEf", False),
        ([ALLOW, ALLOW | {"Effect": "Deny", "Action": "sqs:*"}], "sqs:SendMessage", QUEUE, False),
        ([ALLOW | {"Condition": {"Bool": {"x": "true"}}}], "sqs:SendMessage", QUEUE, False),
    ],
)  # fmt: skip
def test_a_call_is_allowed_only_by_a_matching_statement(
    statements: list[dict[str, Any]], action: str, resource: str, allowed: bool
) -> None:
    assert decide(statements, action, resource) is allowed


def test_a_statement_that_cannot_be_evaluated_is_an_error() -> None:
    with pytest.raises(NotImplementedError, match="NotAction"):
        decide([ALLOW | {"NotAction": "x:*"}], "sqs:SendMessage", QUEUE)
