"""What tests of several adapters ask for."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.adapters.aws import AwsClient

AnswerSecrets = Callable[[str], list[object]]


@pytest.fixture
def answer_secrets_with(environment: pytest.MonkeyPatch) -> AnswerSecrets:
    """Makes Secrets Manager answer with one value; returns the names that it is asked for."""

    def answer(value: str) -> list[object]:
        asked: list[object] = []

        def call_json(*arguments: Any) -> dict[str, object]:
            asked.append(arguments[-1]["SecretId"])
            return {"SecretString": value}

        environment.setattr(AwsClient, "call_json", call_json)
        return asked

    return answer
