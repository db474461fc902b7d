"""WhatsApp's webhook: what is accepted, and that everything is stored before WhatsApp is answered with 200."""

import base64
import json
import time
from concurrent.futures import wait
from pathlib import Path
from typing import Any

import pytest

from functions import webhook
from functions.adapters.queues import Queue
from functions.adapters.whatsapp.signature import sign
from functions.domain.errors import ConfigurationError
from functions.services import receive_webhook
from local.plan import PHONE_NUMBER_ID, Plan
from local.world.webhooks import encode, wrap
from tests.conftest import Aws, Counts, OutsideWorld, eventually

PAYLOADS = Path(__file__).parents[1] / "payloads"
pytestmark = pytest.mark.usefixtures("world", "aws")

A, B = "263771111111", "263772222222"
WAMID = "wamid.HQsxNjUwNTU1MDEyMxUCABIYFDNBMDAwMDAwMDAwMDAw"


def text(number: int, sender: str = A, age: float = 0, **more: Any) -> dict[str, Any]:
    moment = str(int(time.time() - age))
    return {
        "from": sender,
        "id": f"{WAMID}{number:04d}",
        "timestamp": moment,
        "type": "text",
        "text": {"body": "hi"},
    } | more


def event(raw: bytes, headers: dict[str, str], *, encoded: bool = False) -> dict[str, Any]:
    body = base64.b64encode(raw).decode() if encoded else raw.decode()
    return {
        "requestContext": {"http": {"method": "POST"}},
        "rawPath": "/webhook",
        "headers": headers,
        "body": body,
        "isBase64Encoded": encoded,
    }


@pytest.fixture
def post(plan: Plan) -> Any:
    """A signed body goes in; the answer comes out."""

    def post(body: Any, *, encoded: bool = False) -> dict[str, Any]:
        raw = body if isinstance(body, bytes) else encode(body)
        return webhook.handler(event(raw, {"x-hub-signature-256": sign(raw, plan.app_secret)}, encoded=encoded), None)

    return post


@pytest.fixture
def queued(plan: Plan, aws: Aws) -> Any:
    """The messages that wait, by group."""

    def queued() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for message in aws.received(plan.queue_url("messages.fifo")):
            found.setdefault(message["Attributes"]["MessageGroupId"], []).append(json.loads(message["Body"])["id"])
        return found

    return queued


def events(plan: Plan, aws: Aws) -> list[dict[str, Any]]:
    return [item for body in aws.bodies(plan.queue_url("events")) for item in body["events"]]


def typing(world: OutsideWorld) -> list[str]:
    return sorted(call["detail"] for call in world.calls("graph", "typing"))


# --- verification -----------------------------------------------------------------------------------------------------


def verification(**query: str) -> dict[str, Any]:
    names = {name.replace("_", ".", 1): value for name, value in query.items()}
    return webhook.handler(
        {"requestContext": {"http": {"method": "GET"}}, "queryStringParameters": names or None, "headers": {}}, None
    )


def test_whatsapps_challenge_is_answered_with_itself(plan: Plan) -> None:
    answer = verification(hub_mode="subscribe", hub_challenge="1158201444", hub_verify_token=plan.verify_token)
    assert (answer["statusCode"], answer["body"]) == (200, "1158201444")
    assert answer["headers"]["content-type"] == "text/plain"


@pytest.mark.parametrize(
    "query", [{}, {"hub_verify_token": "wrong"}, {"hub_verify_token": "ä"}, {"hub_verify_token": ""}]
)
def test_a_wrong_verify_token_is_refused(query: dict[str, str]) -> None:
    answer = verification(hub_mode="subscribe", hub_challenge="1158201444", **query)
    assert answer["statusCode"] == 403
    assert "1158201444" not in answer["body"]


def test_another_mode_is_refused(plan: Plan) -> None:
    assert verification(hub_mode="other", hub_challenge="1", hub_verify_token=plan.verify_token)["statusCode"] == 403


# --- signatures -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-hub-signature-256": ""},
        {"x-hub-signature-256": "sha256="},
        {"x-hub-signature-256": "sha256=" + "0" * 64},
        {"x-hub-signature-256": "sha1=" + "0" * 40},
        {"x-hub-signature-256": "ä"},
    ],
    ids=str,
)
def test_a_body_without_a_valid_signature_is_refused_and_nothing_happens(
    plan: Plan, aws: Aws, world: OutsideWorld, queued: Any, headers: dict[str, str]
) -> None:
    answer = webhook.handler(event(encode(wrap(messages=[text(1)])), headers), None)
    assert answer["statusCode"] == 401
    assert (queued(), events(plan, aws), aws.files(), typing(world)) == ({}, [], {}, [])


@pytest.mark.parametrize(("headers", "counted"), [({}, 0), ({"x-hub-signature-256": "sha256=" + "0" * 64}, 1)], ids=str)
def test_only_a_wrong_signature_is_counted(
    aws: Aws, world: OutsideWorld, counts: Counts, headers: dict[str, str], counted: int
) -> None:
    """Scanners send none, all day; an alarm looks at the count."""
    assert webhook.handler(event(encode(wrap(messages=[text(1)])), headers), None)["statusCode"] == 401
    assert counts().total("BadSignatures") == counted


def test_a_signature_is_valid_for_its_own_bytes_and_secret_only(plan: Plan, queued: Any) -> None:
    raw = encode(wrap(messages=[text(1)]))
    for signature in (sign(raw + b" ", plan.app_secret), sign(raw, plan.app_secret + "x")):
        assert webhook.handler(event(raw, {"x-hub-signature-256": signature}), None)["statusCode"] == 401
    assert queued() == {}
    assert webhook.handler(event(raw, {"X-Hub-Signature-256": sign(raw, plan.app_secret)}), None)["statusCode"] == 200


# --- messages ---------------------------------------------------------------------------------------------------------


def test_messages_of_one_person_are_queued_in_order_and_people_do_not_wait_for_each_other(
    post: Any, queued: Any, world: OutsideWorld
) -> None:
    body = wrap(messages=[text(1, A), text(2, B), text(3, A)])
    assert post(body)["statusCode"] == 200
    assert sorted(queued().values()) == [[f"{WAMID}0001", f"{WAMID}0003"], [f"{WAMID}0002"]]
    eventually(lambda: len(typing(world)) == 2)
    assert typing(world) == [f"{WAMID}0002", f"{WAMID}0003"]  # once a person, for the latest


def test_the_same_body_twice_is_enqueued_once(post: Any, queued: Any) -> None:
    body = wrap(messages=[text(1)])
    assert [post(body)["statusCode"] for _ in range(2)] == [200, 200]
    assert list(queued().values()) == [[f"{WAMID}0001"]]


def test_a_body_may_come_in_base64(post: Any, plan: Plan, aws: Aws) -> None:
    assert post(wrap(messages=[text(1, text={"body": "Zoë/😀"})]), encoded=True)["statusCode"] == 200
    (message,) = aws.bodies(plan.queue_url("messages.fifo"))
    assert (message["text"], message["phone"]) == ("Zoë/😀", f"+{A}")


@pytest.mark.parametrize("path", sorted(PAYLOADS.glob("[0-9]*.json")), ids=lambda path: path.stem)
def test_every_body_of_the_payload_folder_is_stored(
    post: Any, plan: Plan, aws: Aws, environment: pytest.MonkeyPatch, path: Path
) -> None:
    expected = json.loads((PAYLOADS / "expected.json").read_text("utf-8"))[path.stem]
    assert post(path.read_bytes())["statusCode"] == 200
    taken = aws.bodies(plan.queue_url("messages.fifo")) + events(plan, aws)
    own = [item for item in expected["messages"] if item["phone_number_id"] == PHONE_NUMBER_ID]
    assert {item["id"] for item in own} <= {item.get("id") for item in taken}
    assert bool(taken or aws.files()) == (not expected.get("not_kept"))  # nothing else is dropped silently


def test_what_a_person_wrote_in_the_app_is_told_without_the_words_and_not_answered(
    post: Any, plan: Plan, aws: Aws, queued: Any, world: OutsideWorld
) -> None:
    raw = (PAYLOADS / "90_smb_message_echoes.json").read_bytes()
    assert post(raw)["statusCode"] == 200
    found = events(plan, aws)
    assert [(item["kind"], item["type"], item["phone"]) for item in found] == [
        ("echo", "text", "+16505550123"),
        ("echo", "image", "+16505550123"),
    ]
    assert "jacket" not in json.dumps(found)
    assert (queued(), typing(world), aws.files()) == ({}, [], {})


def test_what_was_written_from_another_number_is_kept_for_inspection(post: Any, plan: Plan, aws: Aws) -> None:
    raw = (PAYLOADS / "90_smb_message_echoes.json").read_text().replace(PHONE_NUMBER_ID, "1")
    assert post(raw.encode())["statusCode"] == 200
    assert events(plan, aws) == []
    assert len(aws.files()) == 1


def test_a_thousand_updates_are_all_queued(post: Any, environment: pytest.MonkeyPatch) -> None:
    sent: list[tuple[str, list[dict[str, str]]]] = []  # moto itself would take ten seconds
    environment.setattr(Queue, "_send_batch", lambda self, batch: sent.append((self._url.rpartition("/")[2], batch)))
    messages = [text(number, f"26377{number % 300:07d}", age=3600) for number in range(500)]
    statuses = [
        {"id": f"{WAMID}s{number}", "status": "sent", "timestamp": "1795420800", "recipient_id": A}
        for number in range(500)
    ]
    assert post(wrap(messages=messages, statuses=statuses))["statusCode"] == 200
    lines: dict[str, list[str]] = {}
    for entry in (entry for queue, batch in sent if queue == "messages.fifo" for entry in batch):
        lines.setdefault(entry["MessageGroupId"], []).append(json.loads(entry["MessageBody"])["id"])
    assert len(lines) == 300
    assert sum(map(len, lines.values())) == 500
    packs = [
        json.loads(entry["MessageBody"])["events"] for queue, batch in sent if queue == "events" for entry in batch
    ]
    assert sum(map(len, packs)) == 500
    assert len(packs) <= 20  # many in one: 500 statuses are not 500 invocations


def test_what_needs_no_answer_goes_to_the_events_queue(
    post: Any, plan: Plan, aws: Aws, queued: Any, world: OutsideWorld
) -> None:
    reaction = text(1, type="reaction", reaction={"message_id": WAMID, "emoji": "👍"})
    status = {"id": WAMID, "status": "read", "timestamp": "1795420800", "recipient_id": A}
    assert post(wrap(messages=[reaction], statuses=[status]))["statusCode"] == 200
    assert sorted(item["kind"] for item in events(plan, aws)) == ["message", "status"]
    assert (queued(), typing(world)) == ({}, [])


def failed(status_id: str, code: int, answer_to: str | None) -> dict[str, Any]:
    """A status of ours that WhatsApp could not deliver."""
    found = {"id": status_id, "status": "failed", "timestamp": "1795420800", "recipient_id": A}
    errors = [{"code": code, "title": "Re-engagement message"}]
    return found | {"errors": errors} | ({"biz_opaque_callback_data": answer_to} if answer_to else {})


def test_a_reply_that_expired_goes_to_the_messages_and_a_receipt_that_expired_to_the_payments(
    post: Any, plan: Plan, aws: Aws, world: OutsideWorld
) -> None:
    statuses = [
        failed("wamid.reply", 131047, "wamid.1"),
        failed("wamid.receipt", 131047, "payment:b-1:7"),
        failed("wamid.template", 131047, "expired:wamid.receipt:0"),  # of a template there is no second one
        failed("wamid.reopen", 131047, "undelivered:wamid.reply"),
        failed("wamid.notification", 131047, "wamid.1:office"),
        failed("wamid.other", 131026, "payment:b-1:8"),  # not for the 24 hours
    ]
    assert post(wrap(statuses=statuses))["statusCode"] == 200
    reply, untold = sorted(aws.bodies(plan.queue_url("messages.fifo")), key=lambda item: item["type"], reverse=True)
    assert (reply["id"], reply["type"], reply["about"]) == ("undelivered:wamid.reply", "undelivered", "wamid.1")
    assert (untold["id"], untold["about"]) == ("office_not_told:wamid.notification", "wamid.1")
    (receipt,) = aws.bodies(plan.queue_url("payments.fifo"))
    assert receipt == {"id": "expired:wamid.receipt", "expired_receipt": "payment:b-1:7"}
    assert len(events(plan, aws)) == len(statuses)  # each is recorded all the same
    assert typing(world) == []


def test_a_notification_of_the_office_that_failed_does_not_wait_for_what_the_office_writes(
    post: Any, queued: Any
) -> None:
    statuses = [failed("wamid.notification", 131026, "wamid.1:office")] * 2
    assert post(wrap(messages=[text(1)], statuses=statuses))["statusCode"] == 200
    lines = queued()
    assert sorted(len(line) for line in lines.values()) == [1, 1]


def test_the_same_expired_receipt_twice_is_queued_once(post: Any, plan: Plan, aws: Aws) -> None:
    for _ in range(2):
        assert post(wrap(statuses=[failed("wamid.receipt", 131047, "payment:b-1:7")]))["statusCode"] == 200
    assert len(aws.bodies(plan.queue_url("payments.fifo"))) == 1


def test_a_message_to_another_number_is_kept_for_inspection_and_not_answered(post: Any, aws: Aws, queued: Any) -> None:
    body = wrap(messages=[text(1)])
    body["entry"][0]["changes"][0]["value"]["metadata"]["phone_number_id"] = "1"
    assert post(body)["statusCode"] == 200
    assert queued() == {}
    assert len(aws.files()) == 1


@pytest.mark.parametrize(
    "raw", [b"", b"hello", b"[]", b"null", b"{}", b'{"object": "page"}', b"\xff\xfe", b"[" * 100_000]
)
def test_a_signed_body_of_another_form_is_kept_for_inspection_only(
    post: Any, plan: Plan, aws: Aws, queued: Any, raw: bytes
) -> None:
    assert post(raw, encoded=True)["statusCode"] == 200
    ((key, content),) = aws.files().items()
    assert key.startswith("inspection/20")
    assert content == raw
    assert (queued(), events(plan, aws)) == ({}, [])


def test_an_unreadable_item_does_not_cost_the_others(post: Any, plan: Plan, aws: Aws, queued: Any) -> None:
    body = wrap(messages=[text(1), {"id": "no type"}, 5, text(2, B)], statuses=["odd"])
    assert post(body)["statusCode"] == 200
    assert len(queued()) == 2
    assert list(aws.files().values()) == [encode(body)]


# --- failures ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["CONVERSATION_QUEUE_URL", "PAYMENT_QUEUE_URL", "EVENTS_QUEUE_URL"])
def test_when_a_queue_does_not_accept_it_whatsapp_is_asked_to_deliver_again(
    post: Any, plan: Plan, environment: pytest.MonkeyPatch, name: str
) -> None:
    environment.setenv(name, plan.queue_url("nothing"))
    statuses = [
        {"id": WAMID, "status": "read", "timestamp": "1", "recipient_id": A},
        failed("wamid.receipt", 131047, "payment:b-1:7"),
    ]
    assert post(wrap(messages=[text(1)], statuses=statuses))["statusCode"] == 503


def test_a_file_store_that_is_down_does_not_hold_up_messages(
    post: Any, queued: Any, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    assert post(wrap(messages=[text(1), 5]))["statusCode"] == 503
    assert len(queued()) == 1


def test_without_the_app_secret_nothing_is_accepted(aws: Aws, post: Any, queued: Any) -> None:
    aws.secrets.delete_secret(SecretId="school/local/whatsapp-app-secret", ForceDeleteWithoutRecovery=True)
    assert post(wrap(messages=[text(1)]))["statusCode"] == 503
    assert queued() == {}


def test_without_the_access_token_messages_are_still_queued(
    aws: Aws, post: Any, queued: Any, world: OutsideWorld
) -> None:
    aws.secrets.delete_secret(SecretId="school/local/whatsapp-access-token", ForceDeleteWithoutRecovery=True)
    assert post(wrap(messages=[text(1)]))["statusCode"] == 200
    assert len(queued()) == 1
    assert typing(world) == []


@pytest.mark.parametrize(
    "missing",
    [
        ("APP_SECRET_NAME", "VERIFY_TOKEN_NAME"),
        ("WHATSAPP_API_URL", "ACCESS_TOKEN_NAME"),
        ("CONVERSATION_QUEUE_URL",),
        ("PAYMENT_QUEUE_URL",),
        ("EVENTS_QUEUE_URL",),
        ("DOCUMENTS_BUCKET",),
    ],
    ids=str,
)
def test_missing_settings_are_named_and_there_are_no_defaults(
    environment: pytest.MonkeyPatch, post: Any, missing: tuple[str, ...]
) -> None:
    for name in missing:
        environment.delenv(name)
    with pytest.raises(ConfigurationError) as raised:
        post(wrap(messages=[text(1)]))
    assert raised.value.problems == [f"{name}: missing" for name in missing]


# --- typing -----------------------------------------------------------------------------------------------------------


def test_old_messages_get_no_typing_indicator(post: Any, queued: Any, world: OutsideWorld) -> None:
    assert post(wrap(messages=[text(1, A, age=3600), text(2, B)]))["statusCode"] == 200
    eventually(lambda: typing(world))
    assert typing(world) == [f"{WAMID}0002"]
    assert len(queued()) == 2


def test_a_message_that_could_not_be_stored_gets_no_blue_ticks(
    post: Any, plan: Plan, world: OutsideWorld, environment: pytest.MonkeyPatch
) -> None:
    environment.setenv("CONVERSATION_QUEUE_URL", plan.queue_url("nothing"))
    assert post(wrap(messages=[text(1)]))["statusCode"] == 503
    assert typing(world) == []


def test_a_slow_typing_indicator_is_not_waited_for(
    post: Any, world: OutsideWorld, queued: Any, environment: pytest.MonkeyPatch
) -> None:
    world.page("PUT", "/profile", {"whatsapp_seconds": 1})
    waited = []
    environment.setattr(receive_webhook, "wait", lambda futures, timeout: waited.append(wait(futures, timeout)))
    assert post(wrap(messages=[text(1)]))["statusCode"] == 200
    assert [len(result.not_done) for result in waited] == [1]
    assert len(queued()) == 1
    eventually(lambda: typing(world))


# --- when -------------------------------------------------------------------------------------------------------------


def test_a_message_carries_when_the_gateway_had_it_and_whatsapps_own_delay_is_counted_apart(
    plan: Plan, aws: Aws, counts: Counts
) -> None:
    raw = encode(wrap(messages=[text(1) | {"timestamp": "1795600000"}]))
    given = event(raw, {"x-hub-signature-256": sign(raw, plan.app_secret)})
    given["requestContext"]["timeEpoch"] = 1795600002345
    assert webhook.handler(given, None)["statusCode"] == 200
    (body,) = [json.loads(message["Body"]) for message in aws.received(plan.queue_url("messages.fifo"))]
    assert body["received_ms"] == 1795600002345
    (delay,) = counts().values["WhatsAppDelay", "tests"]
    assert delay == pytest.approx(2345, abs=1)
