"""What a whole conversation prints: enough for an operator, nothing of a parent, and little of it."""

import io
import json
import time
from typing import Any

import pytest

from functions import (
    ai_reply,
    fetch_fees,
    fetch_payments,
    gate_pass,
    record_delivery,
    remember,
    send_reply,
    understand,
    webhook,
)
from functions.adapters import observability, secret_store
from functions.adapters.cache import Cache
from functions.adapters.whatsapp.signature import sign
from local.plan import Plan
from local.world.sample import SampleSchool
from local.world.webhooks import encode, wrap
from tests.conftest import Aws, Database, OutsideWorld

PHONE, BSUID, NAME = "263772100005", "ZW.13491208655302741918", "Nyasha Chikwanha"
WAMID = "wamid.HQsxNjUwNTU1MDEyMxUCABIYFDNBMDAwMDAwMDAwMDAwMDAwMDAx"
ONE_MESSAGE = 1000  # bytes of events for one message


def test_a_quieter_log_still_has_the_metrics(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "quiet")
    monkeypatch.setenv("LOG_LEVEL", "ERROR")
    monkeypatch.setenv("AWS_LAMBDA_LOG_LEVEL", "INFO")  # set by Lambda
    log = observability.log.__wrapped__()
    log.warning("kept back")
    log.error("said")
    observability.count("Replies")
    observability.flush()
    printed = capsys.readouterr().out
    assert "kept back" not in printed
    assert "said" in printed
    assert "Replies" in printed


class Conversation:
    """The functions in the state machine's order, without the state machine."""

    def __init__(self, plan: Plan, aws: Aws) -> None:
        self._plan, self._aws = plan, aws

    def say(self, text: str, number: int) -> dict[str, Any]:
        name = f"{WAMID}{number:04d}"
        sent = {"from": PHONE, "from_user_id": BSUID, "id": name, "timestamp": str(int(time.time())), "type": "text"}
        contact = {"wa_id": PHONE, "user_id": BSUID, "profile": {"name": NAME}}
        raw = encode(wrap(contacts=[contact], messages=[sent | {"text": {"body": text}}]))
        headers = {"x-hub-signature-256": sign(raw, self._plan.app_secret)}
        request = {"requestContext": {"http": {"method": "POST"}}, "headers": headers, "body": raw.decode()}
        assert webhook.handler(request, None)["statusCode"] == 200
        (message,) = self._aws.bodies(self._plan.queue_url("messages.fifo"))
        return self.answer(message)

    def answer(self, message: dict[str, Any]) -> dict[str, Any]:
        seen = understand.handler({"message": message}, None)
        found = {"message": message, "person": seen["person"], "plan": seen["plan"], "account": seen["account"]}
        if seen["plan"]["needs_account"] and seen["fetch"]:
            fees, paid = fetch_fees.handler(seen["fetch"], None), fetch_payments.handler(seen["fetch"], None)
            found |= {"account": {"term": seen["fetch"]["term"], "as_of": "", **fees, **paid}, "fetched": True}
        if seen["plan"]["next"] == "ai":
            found |= ai_reply.handler({"message_id": message["id"], **found}, None)
        if seen["plan"]["next"] == "gate_pass":
            student, phone = seen["plan"]["students"][0], seen["person"]["phone"]
            request = {"message_id": message["id"], "student": student, "account": found["account"], "phone": phone}
            found["gate_pass"] = gate_pass.handler(request, None)
        found["sent"] = send_reply.handler(found, None)
        remember.handler(found, None)
        return found


@pytest.fixture
def conversation(
    plan: Plan, aws: Aws, world: OutsideWorld, cache: Cache, sample_school: SampleSchool, database: Database
) -> Conversation:
    database.catch_up()
    return Conversation(plan, aws)


def events(printed: io.StringIO) -> list[str]:
    """The log lines; metrics are taken out of the log by CloudWatch and are not counted."""
    return [line for line in printed.getvalue().splitlines() if "_aws" not in json.loads(line)]


WORDS = ["balance", "statement 2026-1", "gate pass", "What time does my child's school day begin?", "hi"]


@pytest.mark.parametrize("text", WORDS)
def test_one_message_logs_little_and_nothing_of_the_parent(
    conversation: Conversation, printed: io.StringIO, plan: Plan, world: OutsideWorld, text: str
) -> None:
    found = conversation.say(text, 1)
    assert found["sent"]["status"] == "sent"
    logged = printed.getvalue()
    assert f"{WAMID}0001" in logged  # an operator finds the message by its id
    assert found["plan"]["intent"] in logged
    assert sum(len(line) + 1 for line in events(printed)) < ONE_MESSAGE
    assert_nothing_personal(logged, plan, [text, *world.texts()])


def assert_nothing_personal(logged: str, plan: Plan, texts: list[str]) -> None:
    assert "772100005" not in logged
    assert BSUID not in logged
    for part in (*NAME.split(), "Anesu"):
        assert part not in logged
    for secret in plan.secret_values.values():
        assert secret not in logged
    for text in texts:
        if len(text) > 15:
            assert text not in logged
            assert text[:15] not in logged


@pytest.mark.parametrize("service", ["graph", "school", "openai", "s3", "database", "cache"])
def test_failures_are_told_without_anything_of_the_parent(
    conversation: Conversation,
    printed: io.StringIO,
    plan: Plan,
    world: OutsideWorld,
    environment: pytest.MonkeyPatch,
    service: str,
) -> None:
    match service:
        case "s3":
            environment.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
        case "database":
            for name in ("WRITER", "READER"):
                environment.setenv(f"DATABASE_{name}_URL", "postgresql+pg8000://assistant@127.0.0.1:9/school")
        case "cache":
            environment.setenv("CACHE_URL", "redis://127.0.0.1:9")
        case _:
            world.fails(service, kind="status", status=500)
    raised = []
    for number, text in enumerate(WORDS):
        try:
            conversation.say(text, number)
        except Exception as error:  # what the state machine would catch, and the runtime would print
            raised.append(f"{type(error).__name__}: {error}")
    assert raised or [line for line in events(printed) if json.loads(line)["level"] in ("WARNING", "ERROR")]
    assert_nothing_personal(printed.getvalue() + "\n".join(raised), plan, WORDS)


def test_a_wrong_signature_and_a_strange_body_tell_nothing(
    conversation: Conversation, printed: io.StringIO, plan: Plan
) -> None:
    raw = encode(wrap(messages=[{"from": PHONE, "text": {"body": "a secret sorrow of mine"}}]))
    for signature in ("sha256=wrong", sign(raw, plan.app_secret)):
        request = {"requestContext": {"http": {"method": "POST"}}, "headers": {"x-hub-signature-256": signature}}
        webhook.handler(request | {"body": raw.decode()}, None)
    assert "inspection/" in printed.getvalue()
    assert_nothing_personal(printed.getvalue(), plan, ["a secret sorrow of mine"])


def test_what_whatsapp_tells_afterwards_is_logged_without_the_person(
    conversation: Conversation, printed: io.StringIO, plan: Plan
) -> None:
    failed = {"kind": "status", "id": "wamid.reply", "status": "failed", "timestamp": 1, "to": PHONE}
    reaction = {"kind": "message", "type": "reaction", "id": "wamid.r", "phone": f"+{PHONE}", "emoji": "👍"}
    body = json.dumps({"events": [failed | {"answer_to": WAMID, "error_codes": [131026]}, reaction]})
    record_delivery.handler({"Records": [{"messageId": "1", "body": body}]}, None)
    assert "131026" in printed.getvalue()
    assert_nothing_personal(printed.getvalue(), plan, [])


def test_an_old_token_is_not_told(
    conversation: Conversation, printed: io.StringIO, plan: Plan, environment: pytest.MonkeyPatch
) -> None:
    secret_store._kept["school/local/whatsapp-access-token"] = (time.monotonic(), "EAAG-the-old-token")
    conversation.say("hi", 1)
    assert "EAAG-the-old-token" not in printed.getvalue()
    assert plan.access_token not in printed.getvalue()
