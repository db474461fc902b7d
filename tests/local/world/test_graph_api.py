"""The simulated Graph API refuses what Meta refuses, and tells afterwards what became of a message."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from local.plan import DISPLAY_PHONE_NUMBER, PHONE_NUMBER_ID
from local.world import graph_api
from local.world.webhooks import user_id_of
from tests.conftest import eventually
from tests.local.world.clients import INBOUND, PARENT, Client, message, world

pytestmark = pytest.mark.enable_socket
PDF = b"%PDF-1.4\r\n--not a boundary\r\n\x00\xff binary"


@pytest.fixture
def client(tmp_path: Path) -> Iterator[Client]:
    with world(tmp_path) as found:
        yield found


def buttons(*titles: str, body: str = "Which child?", ids: list[str] | None = None, **more: Any) -> dict[str, Any]:
    replies = [
        {"type": "reply", "reply": {"id": ids[place] if ids else f"id{place}", "title": title}}
        for place, title in enumerate(titles)
    ]
    shape = {"type": "button", "body": {"text": body}, "action": {"buttons": replies}, **more}
    return message(type="interactive", text=None, interactive=shape)


def listed(
    rows: list[dict[str, str]], body: str = "How can I help?", button: str = "Menu", **more: Any
) -> dict[str, Any]:
    shape = {"type": "list", "body": {"text": body}, "action": {"button": button, "sections": [{"rows": rows}]}, **more}
    return message(type="interactive", text=None, interactive=shape)


def rows(count: int, **changed: str) -> list[dict[str, str]]:
    return [{"id": f"row:{n}", "title": f"Row {n}", "description": "What it does", **changed} for n in range(count)]


def code_of(answer: requests.Response) -> int:
    error = answer.json()["error"]
    assert set(error) >= {"message", "type", "code", "fbtrace_id"}
    return int(error["code"])


# --- who may call --------------------------------------------------------------------------------------------------


def test_a_wrong_token_is_error_190(client: Client) -> None:
    answer = client.graph(message(), token="EAAGwrong")
    assert (answer.status_code, code_of(answer)) == (401, 190)


def test_a_missing_token_is_error_200(client: Client) -> None:
    answer = requests.post(f"{client.plan.whatsapp_api_url}/{PHONE_NUMBER_ID}/messages", json=message(), timeout=5)
    assert (answer.status_code, code_of(answer)) == (403, 200)


def test_another_phone_number_id_is_subcode_33(client: Client) -> None:
    answer = client.graph(message(), number="999")
    assert (answer.status_code, code_of(answer)) == (400, 100)
    assert answer.json()["error"]["error_subcode"] == 33


@pytest.mark.parametrize("version", ["v20.0", "v27.0", "v26", ""])
def test_only_supported_api_versions_are_accepted(client: Client, version: str) -> None:
    path = "/".join(part for part in ["/graph", version, PHONE_NUMBER_ID, "messages"] if part)
    assert client.page("POST", path, message()).status_code == 400


# --- messages that pass --------------------------------------------------------------------------------------------

ACCEPTED = {
    "text of 4096": message(text={"body": "x" * 4096, "preview_url": False}),
    "digits without plus": message(to="263772100001"),
    "user id": message(to=None, recipient="ZW.24018735520917346650"),
    "quoted": message(context={"message_id": INBOUND}, biz_opaque_callback_data="x" * 512),
    "three buttons": buttons("a" * 20, "b", "c", body="x" * 1024, footer={"text": "f" * 60}, ids=["i" * 256, "2", "3"]),
    "button header": buttons("Yes", header={"type": "text", "text": "h" * 60}),
    "ten rows": listed(rows(10, title="t" * 24, description="d" * 72), body="x" * 1024, button="b" * 20),
    "contact request": message(
        type="interactive",
        text=None,
        interactive={
            "type": "request_contact_info",
            "body": {"text": "Your number, please"},
            "action": {"name": "request_contact_info"},
        },
    ),
    "link button": message(
        type="interactive",
        text=None,
        interactive={
            "type": "cta_url",
            "body": {"text": "Open"},
            "action": {"name": "cta_url", "parameters": {"display_text": "Open", "url": "https://school.example"}},
        },
    ),
    "document by link": message(
        type="document", text=None, document={"link": "https://x.example/a.pdf", "filename": "a"}
    ),
    "reaction": message(type="reaction", text=None, reaction={"message_id": INBOUND, "emoji": "👍"}),
    "reaction taken back": message(type="reaction", text=None, reaction={"message_id": INBOUND, "emoji": ""}),
}


@pytest.mark.parametrize("body", ACCEPTED.values(), ids=ACCEPTED)
def test_messages_that_meta_accepts_are_accepted(client: Client, body: dict[str, Any]) -> None:
    if body["type"] == "interactive" and body["interactive"]["type"] == "list":
        for place, row in enumerate(body["interactive"]["action"]["sections"][0]["rows"]):
            row["id"] = f"{place:0200d}"
    answer = client.graph(body)
    assert answer.status_code == 200, answer.text
    assert answer.json()["messages"][0]["id"].startswith("wamid.")
    sent = client.page("GET", "/outbox").json()
    assert [item["body"] for item in sent] == [body]
    assert sent[0]["id"] == answer.json()["messages"][0]["id"]


def test_a_message_to_a_user_id_is_answered_with_the_user_id(client: Client) -> None:
    answer = client.send(to=None, recipient="ZW.24018735520917346650").json()
    assert answer["contacts"] == [{"input": "ZW.24018735520917346650", "user_id": "ZW.24018735520917346650"}]


def test_a_user_id_in_to_is_accepted_and_never_delivered(client: Client) -> None:
    assert client.send(to="ZW.24018735520917346650").status_code == 200
    assert client.page("GET", "/outbox").json() == []


def test_to_takes_precedence_over_recipient(client: Client) -> None:
    client.send(recipient="ZW.24018735520917346650")
    assert client.page("GET", "/outbox").json()[0]["to"] == PARENT


# --- messages that do not ------------------------------------------------------------------------------------------

REFUSED = {
    "not whatsapp": (message(messaging_product="sms"), 100),
    "nobody": (message(to=None), 100),
    "no number": (message(to="Rudo"), 131009),
    "number as recipient": (message(to=None, recipient="+263772100001"), 131009),
    "text of 4097": (message(text={"body": "x" * 4097}), 100),
    "emoji count twice": (message(text={"body": "😊" * 2049}), 100),
    "empty text": (message(text={"body": " "}), 100),
    "unknown key in text": (message(text={"body": "x", "colour": "red"}), 100),
    "unknown type": (message(type="poll"), 100),
    "type without content": (message(type="document"), 100),
    "opaque of 513": (message(biz_opaque_callback_data="x" * 513), 100),
    "context that is no wamid": (message(context={"message_id": "42"}), 131009),
    "four buttons": (buttons("a", "b", "c", "d"), 131009),
    "no buttons": (buttons(), 131009),
    "button title of 21": (buttons("a" * 21), 131009),
    "same title twice": (buttons("Yes", "Yes"), 131009),
    "same id twice": (buttons("Yes", "No", ids=["x", "x"]), 131009),
    "button id of 257": (buttons("Yes", ids=["i" * 257]), 131009),
    "body of 1025": (buttons("Yes", body="x" * 1025), 131009),
    "footer of 61": (buttons("Yes", footer={"text": "f" * 61}), 131009),
    "header of 61": (buttons("Yes", header={"type": "text", "text": "h" * 61}), 131009),
    "eleven rows": (listed(rows(11)), 131009),
    "row title of 25": (listed(rows(1, title="t" * 25)), 131009),
    "row description of 73": (listed(rows(1, description="d" * 73)), 131009),
    "row id of 201": (listed(rows(1, id="i" * 201)), 131009),
    "same row id twice": (listed(rows(2, id="x")), 131009),
    "list body of 1025": (listed(rows(1), body="x" * 1025), 131009),
    "list button of 21": (listed(rows(1), button="b" * 21), 131009),
    "row without title": (listed([{"id": "x"}]), 131008),
    "unknown key in row": (listed([{"id": "x", "title": "t", "icon": "y"}]), 100),
    "list with document header": (listed(rows(1), header={"type": "document", "document": {"id": "1"}}), 131009),
    "unknown media id": (message(type="document", text=None, document={"id": "123"}), 100),
    "id and link": (message(type="document", text=None, document={"id": "1", "link": "https://x.example"}), 100),
    "caption of 1025": (
        message(type="document", text=None, document={"link": "https://x.example", "caption": "c" * 1025}),
        100,
    ),
    "reaction with context": (
        message(
            type="reaction",
            text=None,
            reaction={"message_id": INBOUND, "emoji": "👍"},
            context={"message_id": INBOUND},
        ),
        100,
    ),
    "template that nobody approved": (
        message(type="template", text=None, template={"name": "fee_receipt", "language": {"code": "en"}}),
        132001,
    ),
}


@pytest.mark.parametrize(("body", "code"), REFUSED.values(), ids=REFUSED)
def test_messages_that_meta_rejects_are_rejected_with_its_code(client: Client, body: dict[str, Any], code: int) -> None:
    answer = client.graph(body)
    assert answer.status_code >= 400
    assert code_of(answer) == code
    assert client.page("GET", "/outbox").json() == []


def test_sections_need_titles_if_there_are_two(client: Client) -> None:
    body = listed(rows(1))
    body["interactive"]["action"]["sections"].append({"title": "More", "rows": [{"id": "z", "title": "Z"}]})
    assert code_of(client.graph(body)) == 131008


def test_a_body_that_is_not_json_is_error_100(client: Client) -> None:
    answer = requests.post(
        f"{client.plan.whatsapp_api_url}/{PHONE_NUMBER_ID}/messages",
        data=b"{",
        headers={"Authorization": f"Bearer {client.plan.access_token}"},
        timeout=5,
    )
    assert (answer.status_code, code_of(answer)) == (400, 100)


def test_an_approved_template_needs_its_parameters(client: Client) -> None:
    client.page("PUT", "/templates", {"fee_receipt": {"language": "en", "parameters": 1}})

    def template(*texts: str) -> requests.Response:
        components = [{"type": "body", "parameters": [{"type": "text", "text": text} for text in texts]}]
        return client.send(
            type="template",
            text=None,
            template={"name": "fee_receipt", "language": {"code": "en"}, "components": components},
        )

    assert template("$50").json()["messages"][0]["message_status"] == "accepted"
    assert code_of(template()) == 132000
    assert code_of(template("two\nlines")) == 132012


# --- ticks ---------------------------------------------------------------------------------------------------------


def test_typing_indicator_and_read_receipt_are_accepted(client: Client) -> None:
    tick = {"messaging_product": "whatsapp", "status": "read", "message_id": INBOUND}
    assert client.graph(tick).json() == {"success": True}
    assert client.graph({**tick, "typing_indicator": {"type": "text"}}).json() == {"success": True}
    assert [call["operation"] for call in client.page("GET", "/calls").json()] == ["read", "typing"]
    assert client.page("GET", "/outbox").json() == []


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"message_id": "42"}, 131009),
        ({"typing_indicator": {"type": "typing_indicator"}}, 131009),
        ({"status": "delivered"}, 100),
        ({"to": PARENT}, 100),
    ],
)
def test_read_receipts_that_meta_rejects_are_rejected(client: Client, changed: dict[str, Any], code: int) -> None:
    body = {"messaging_product": "whatsapp", "status": "read", "message_id": INBOUND, **changed}
    assert code_of(client.graph(body)) == code


# --- media ---------------------------------------------------------------------------------------------------------


def test_a_document_is_sent_by_the_id_of_its_upload(client: Client) -> None:
    media_id = client.upload(PDF).json()["id"]
    content = {"id": media_id, "filename": "Gate pass.pdf", "caption": "Here it is"}
    assert client.send(type="document", text=None, document=content).status_code == 200
    sent = client.page("GET", "/outbox").json()[0]["document"]
    assert sent["filename"] == "Gate pass.pdf"
    assert sent["bytes"] == len(PDF)
    assert requests.get(sent["link"], timeout=5).content == PDF
    headers = {"Authorization": f"Bearer {client.plan.access_token}"}
    assert requests.delete(f"{client.plan.whatsapp_api_url}/{media_id}", headers=headers, timeout=5).status_code == 200
    assert requests.get(sent["link"], timeout=5).content == PDF  # the parent has it


def test_media_can_be_downloaded_with_the_token_and_deleted(client: Client) -> None:
    media_id = client.upload(PDF).json()["id"]
    headers = {"Authorization": f"Bearer {client.plan.access_token}"}
    url = f"{client.plan.whatsapp_api_url}/{media_id}"
    link = requests.get(url, headers=headers, timeout=5).json()["url"]
    assert requests.get(link, headers=headers, timeout=5).content == PDF
    assert requests.get(link, timeout=5).status_code == 403
    assert requests.delete(url, headers=headers, timeout=5).json() == {"success": True}
    assert code_of(client.send(type="document", text=None, document={"id": media_id})) == 100


@pytest.mark.parametrize(
    ("content", "mime_type", "code"),
    [(PDF, "application/zip", 100), (b"", "application/pdf", 131053), (b"<html>", "application/pdf", 131053)],
)
def test_files_that_meta_rejects_are_rejected(client: Client, content: bytes, mime_type: str, code: int) -> None:
    assert code_of(client.upload(content, mime_type)) == code


def test_an_upload_needs_the_messaging_product(client: Client) -> None:
    assert code_of(client.upload(PDF, messaging_product="")) == 100


def test_a_pdf_cannot_be_sent_as_an_image(client: Client) -> None:
    media_id = client.upload(PDF).json()["id"]
    assert code_of(client.send(type="image", text=None, image={"id": media_id})) == 100


# --- limits --------------------------------------------------------------------------------------------------------


def test_messages_to_one_user_are_rate_limited(client: Client) -> None:
    client.page("PUT", "/profile", {"whatsapp_pair_burst": 3})
    assert [client.send().status_code for _ in range(4)] == [200, 200, 200, 400]
    assert code_of(client.send()) == 131056
    assert client.send(to="+263772100002").status_code == 200


def test_messages_to_all_users_are_rate_limited(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    moment = time.time()
    monkeypatch.setattr(graph_api, "time", SimpleNamespace(time=lambda: moment))
    client.page("PUT", "/profile", {"whatsapp_messages_per_second": 2})
    codes = [client.send(to=f"+26377210000{n}") for n in range(3)]
    assert code_of(codes[2]) == 130429
    moment += 1.05
    assert client.send().status_code == 200


# --- what is told afterwards ---------------------------------------------------------------------------------------


class Receiver:
    """A webhook that remembers what it got; the first answer can be an error."""

    def __init__(self, port: int) -> None:
        self.got: list[tuple[bytes, str]] = []
        self.refuse = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                raw = self.rfile.read(int(self.headers["Content-Length"]))
                status = 500 if outer.refuse > 0 else 200
                outer.refuse -= 1
                outer.got.append((raw, self.headers["X-Hub-Signature-256"]))
                self.send_response(status)
                self.end_headers()

            def log_message(self, *args: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))
        self.thread.start()

    def statuses(self, count: int) -> list[dict[str, Any]]:
        eventually(lambda: len(self.got) >= count)
        bodies = [json.loads(raw) for raw, _ in self.got]
        return [body["entry"][0]["changes"][0]["value"]["statuses"][0] for body in bodies]

    def stop(self) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()


@pytest.fixture
def told(client: Client) -> Iterator[Receiver]:
    receiver = Receiver(client.plan.ports.http_api)
    yield receiver
    receiver.stop()


def test_delivery_statuses_arrive_as_signed_webhooks(client: Client, told: Receiver) -> None:
    wamid = client.send(biz_opaque_callback_data="job/7").json()["messages"][0]["id"]
    statuses = told.statuses(3)
    priced = {status["status"]: status.get("pricing", {}).get("category") for status in statuses}
    assert priced == {"sent": "service", "delivered": "service", "read": None}
    assert {status["id"] for status in statuses} == {wamid}
    assert {status["biz_opaque_callback_data"] for status in statuses} == {"job/7"}
    assert {status["recipient_id"] for status in statuses} == {PARENT.lstrip("+")}
    raw, signature = told.got[0]
    digest = hmac.new(client.plan.app_secret.encode(), raw, hashlib.sha256).hexdigest()
    assert signature == f"sha256={digest}"
    assert b"job\\/7" in raw
    metadata = json.loads(raw)["entry"][0]["changes"][0]["value"]["metadata"]
    assert metadata == {"display_phone_number": DISPLAY_PHONE_NUMBER, "phone_number_id": PHONE_NUMBER_ID}


def test_statuses_of_a_user_id_contain_no_phone(client: Client, told: Receiver) -> None:
    client.send(to=None, recipient="ZW.24018735520917346650")
    status = told.statuses(1)[0]
    assert "recipient_id" not in status
    assert status["recipient_user_id"] == "ZW.24018735520917346650"


def test_a_failed_webhook_is_repeated(client: Client, told: Receiver) -> None:
    told.refuse = 1
    client.page("PUT", "/profile", {"statuses": ["sent"]})
    client.send()
    assert len(told.statuses(2)) == 2
    assert told.got[0] == told.got[1]


def test_a_late_failure_is_accepted_and_then_reported_by_webhook(client: Client, told: Receiver) -> None:
    client.page("PUT", f"/recipients/{PARENT}", {"fails_with": 131026})
    assert client.send().status_code == 200
    status = told.statuses(1)[0]
    assert (status["status"], status["errors"][0]["code"]) == ("failed", 131026)
    assert client.page("GET", "/outbox").json() == []


def test_an_immediate_failure_is_the_answer(client: Client) -> None:
    client.page("PUT", f"/recipients/{PARENT}", {"fails_with": 131042})
    assert code_of(client.send()) == 131042


def test_the_customer_window_closes_after_24_hours_and_opens_again(client: Client, told: Receiver) -> None:
    client.page("PUT", "/profile", {"customer_window": True, "statuses": ["sent"]})
    client.send()
    assert told.statuses(1)[0]["errors"][0]["code"] == 131047
    client.page("POST", "/inbound", {"from": PARENT})
    client.send()
    assert told.statuses(2)[1]["status"] == "sent"
    client.page("POST", "/inbound", {"from": PARENT, "time": time.time() - 25 * 3600})
    client.send()
    assert told.statuses(3)[2]["errors"][0]["code"] == 131047


def test_a_user_is_one_person_by_number_and_by_user_id(client: Client, told: Receiver) -> None:
    client.page("PUT", "/profile", {"customer_window": True, "statuses": ["sent"]})
    client.page("POST", "/inbound", {"from": PARENT})
    client.send(to=None, recipient=user_id_of(PARENT))
    assert told.statuses(1)[0]["status"] == "sent"
    assert len(client.page("GET", f"/outbox?to={PARENT.lstrip('+')}").json()) == 1
    client.page("PUT", f"/recipients/{PARENT}", {"fails_with": 131042})
    assert code_of(client.send(to=None, recipient=user_id_of(PARENT))) == 131042


# --- the outbox ----------------------------------------------------------------------------------------------------


def test_the_outbox_filters_by_recipient_and_time(client: Client) -> None:
    client.send()
    moment = time.time()
    client.send(to="+263772100002")
    client.send(text={"body": "later"})
    found = client.page("GET", f"/outbox?to=%2B263772100001&after={moment}").json()
    assert [item["body"]["text"]["body"] for item in found] == ["later"]
    assert client.page("DELETE", "/outbox").json() == []
    assert client.page("GET", "/outbox").json() == []


def test_the_outbox_waits_for_the_reply_to_one_message(client: Client) -> None:
    def reply() -> None:
        client.send(biz_opaque_callback_data="another")
        time.sleep(0.2)
        client.send(text={"body": "the one"}, biz_opaque_callback_data=INBOUND)

    thread = threading.Thread(target=reply)
    thread.start()
    url = f"{client.plan.world_url}/outbox?wait=60&in_reply_to={INBOUND}&to={PARENT.lstrip('+')}"
    found = requests.get(url, timeout=30).json()  # with the reply, not at the end of the wait
    thread.join()
    assert [item["body"]["text"]["body"] for item in found] == ["the one"]


def test_waiting_for_a_reply_ends_at_its_limit(client: Client) -> None:
    started = time.monotonic()
    assert client.page("GET", f"/outbox?wait=0.2&in_reply_to={INBOUND}").json() == []
    assert time.monotonic() - started >= 0.2
