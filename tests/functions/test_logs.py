"""What a whole conversation prints: enough for an operator, nothing of a parent, and little of it."""

import io
import json
import time
from typing import Any

import pytest

from functions import (
    ai_reply,
    dependencies,
    fetch_fees,
    fetch_payments,
    gate_pass,
    record_conversation,
    record_delivery,
    send_reply,
    understand,
    webhook,
)
from functions.adapters.cache.redis_client import RedisClient
from functions.adapters.whatsapp.signature import sign
from functions.domain.digests import digest
from local.plan import LOG_KEY, Plan
from local.world.sample import SampleSchool
from local.world.webhooks import encode, wrap
from tests.conftest import TODAY, Aws, Database, OutsideWorld, forget_everything
from tests.security.log_scanner import Personal, found_in

PHONE, BSUID, NAME = "263772100005", "ZW.13491208655302741918", "Nyasha Chikwanha"
WAMID = "wamid.HQsxNjUwNTU1MDEyMxUCABIYFDNBMDAwMDAwMDAwMDAwMDAwMDAx"
ONE_MESSAGE = 1000  # bytes of events for one message


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
        understood = understand.handler({"message": message}, None)
        found = {"message": message} | {name: understood[name] for name in ("person", "plan", "account")}
        if fetch := understood["fetch"]:
            fees, paid = fetch_fees.handler(fetch, None), fetch_payments.handler(fetch, None)
            found |= {"account": {"term": fetch["term"], "as_of": "", **fees, **paid}, "fetched": True}
        if understood["next"] == "ai_reply":
            found |= ai_reply.handler({"message_id": message["id"], **found}, None)
        if understood["next"] == "gate_pass":
            student, phone = understood["plan"]["students"][0], understood["person"]["phone"]
            request = {"message_id": message["id"], "student": student, "account": found["account"], "phone": phone}
            found["gate_pass"] = gate_pass.handler(request, None)
        found["sent"] = send_reply.handler(found, None)
        record_conversation.handler(found, None)
        return found


@pytest.fixture
def conversation(
    plan: Plan, aws: Aws, world: OutsideWorld, redis: RedisClient, sample_school: SampleSchool, database: Database
) -> Conversation:
    database.catch_up()
    return Conversation(plan, aws)


def events(printed: io.StringIO) -> list[str]:
    """The log lines but those of figures."""
    return [line for line in printed.getvalue().splitlines() if not {"_aws", "measured"} & json.loads(line).keys()]


WORDS = ["balance", "statement 2026-1", "gate pass", "What time does my child's school day begin?", "hi"]


@pytest.mark.parametrize("text", WORDS)
def test_one_message_logs_little_and_nothing_of_the_parent(
    conversation: Conversation, printed: io.StringIO, plan: Plan, world: OutsideWorld, text: str
) -> None:
    found = conversation.say(text, 1)
    assert found["sent"]["status"] == "sent"
    logged = printed.getvalue()
    assert digest(f"{WAMID}0001", LOG_KEY) in logged  # an operator finds the message by its id
    assert found["plan"]["intent"] in logged
    assert sum(len(line) + 1 for line in events(printed)) < ONE_MESSAGE
    assert_nothing_personal(logged, plan, [text, *world.texts()])


def assert_nothing_personal(logged: str, plan: Plan, texts: list[str]) -> None:
    assert "772100005" not in logged
    assert BSUID not in logged
    assert found_in(logged, Personal.of(SampleSchool.build(TODAY, plan.seed, families=24), plan)) == set()
    for part in (*NAME.split(), "Anesu"):
        assert part not in logged
    for secret in plan.secret_values.values():
        assert secret not in logged
    for text in texts:
        if len(text) > 15:
            assert text not in logged
            assert text[:15] not in logged


@pytest.mark.parametrize("service", ["graph", "school", "openai", "s3", "database", "cache"])
def test_failures_are_logged_without_anything_of_the_parent(
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
    forget_everything()
    raised = []
    for number, text in enumerate(WORDS):
        try:
            conversation.say(text, number)
        except Exception as error:  # what the state machine would catch, and the runtime would print
            raised.append(f"{type(error).__name__}: {error}")
    assert raised or [line for line in events(printed) if json.loads(line)["level"] in ("WARNING", "ERROR")]
    assert_nothing_personal(printed.getvalue() + "\n".join(raised), plan, WORDS)


def test_a_wrong_signature_and_an_unreadable_body_are_logged_without_their_content(
    conversation: Conversation, printed: io.StringIO, plan: Plan
) -> None:
    raw = encode(wrap(messages=[{"from": PHONE, "text": {"body": "a secret sorrow of mine"}}]))
    for signature in ("sha256=wrong", sign(raw, plan.app_secret)):
        request = {"requestContext": {"http": {"method": "POST"}}, "headers": {"x-hub-signature-256": signature}}
        webhook.handler(request | {"body": raw.decode()}, None)
    assert "inspection/" in printed.getvalue()
    assert_nothing_personal(printed.getvalue(), plan, ["a secret sorrow of mine"])


def test_delivery_statuses_and_reactions_are_logged_without_the_person(
    conversation: Conversation, printed: io.StringIO, plan: Plan
) -> None:
    failed = {"kind": "status", "id": "wamid.reply", "status": "failed", "timestamp": 1, "to": PHONE}
    reaction = {"kind": "message", "type": "reaction", "id": "wamid.r", "phone": f"+{PHONE}", "emoji": "👍"}
    body = json.dumps({"events": [failed | {"answer_to": WAMID, "error_codes": [131026]}, reaction]})
    record_delivery.handler({"Records": [{"messageId": "1", "body": body}]}, None)
    assert "131026" in printed.getvalue()
    assert digest("wamid.reply", LOG_KEY) in printed.getvalue()
    assert_nothing_personal(printed.getvalue(), plan, [])


def test_a_token_that_was_refused_is_not_logged(
    conversation: Conversation, printed: io.StringIO, plan: Plan, environment: pytest.MonkeyPatch
) -> None:
    dependencies.secrets().put("school/local/whatsapp-access-token", "EAAG-the-old-token")
    conversation.say("hi", 1)
    assert "EAAG-the-old-token" not in printed.getvalue()
    assert plan.access_token not in printed.getvalue()
