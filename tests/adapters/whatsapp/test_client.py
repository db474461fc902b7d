"""Sending, against the strict Graph API: what Meta refuses is met before, and each error means what it should."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest
import requests

from functions import dependencies
from functions.adapters import document_store
from functions.adapters.aws import AwsError
from functions.adapters.whatsapp import client
from functions.adapters.whatsapp.client import Sent, WhatsAppClient, error_of
from functions.domain.errors import (
    DeliveryUnknown,
    OperatorNeeded,
    PartlySent,
    Undeliverable,
    WhatsAppError,
    WhatsAppRefused,
    WhatsAppUnavailable,
)
from functions.domain.people import Kind, Person
from functions.domain.replies import Buttons, Choice, Document, Menu, NumberRequest, Reply, Template, Text
from infra.catalog import FUNCTIONS
from local.plan import Plan, Ports
from tests.adapters.conftest import AnswerSecrets
from tests.adapters.scripted_server import scripted
from tests.conftest import OutsideWorld, eventually

PARENT = Person(Kind.REGISTERED, "+263772100001", "ZW.13491208655302741918")
HIDDEN = Person(Kind.NO_NUMBER, None, "ZW.13491208655302741918")
MESSAGE = "wamid.HQsxNjUwNTU1MDEyMxUCABIYFDNBMDAwMDAwMDAwMDAwMDAwMDAx"
TOKEN_NAME = "school/local/whatsapp-access-token"
PDF = b"%PDF-1.7 a gate pass"
PASS = Document("Gate pass Tariro.pdf", "Here is your pass", instead="Pass 1, valid until 3 December")


class Files:
    """The document's bytes, and how often they were asked for."""

    def __init__(self, content: bytes = PDF) -> None:
        self.content, self.asked = content, 0

    def __call__(self) -> bytes:
        self.asked += 1
        return self.content


def whatsapp_at(url: str, phone_number_id: str, token_name: str = TOKEN_NAME) -> WhatsAppClient:
    session, secrets = dependencies.http_session(), dependencies.secrets()
    return WhatsAppClient(session, secrets, url, phone_number_id, token_name)


@pytest.fixture
def whatsapp(plan: Plan, world: OutsideWorld, secrets: None) -> WhatsAppClient:
    return whatsapp_at(plan.whatsapp_api_url, plan.whatsapp_phone_number_id)


@pytest.fixture
def send(whatsapp: WhatsAppClient) -> Callable[..., Sent]:
    def send(reply: Reply, person: Person = PARENT, file: Callable[[], bytes] | None = None) -> Sent:
        return whatsapp.send(reply, person, MESSAGE, file or Files())

    return send


Send = Callable[..., Sent]

# --- every kind of reply ----------------------------------------------------------------------------------------------


def choices(count: int, title: str = "A title that is much longer than WhatsApp allows {}") -> tuple[Choice, ...]:
    return tuple(Choice(f"v1:balance:{place}", f"{place} {title}", "d" * 100) for place in range(count))


@pytest.mark.parametrize(
    ("reply", "kind"),
    [
        (Text("Hello 😊"), "text"),
        (Text("x" * 4096), "text"),
        (Buttons("Choose", choices(3)), "button"),
        (Buttons("b" * 1024, (Choice("a", "Menu"),)), "button"),
        (Menu("Choose", "A button label that is too long", choices(10), "Tap, or type."), "list"),
        (Menu("Choose", "Open", (Choice("a", "One"),)), "list"),
        (NumberRequest("Please share your number"), "request_contact_info"),
        (Buttons("Too many", choices(4)), "text"),
        (Buttons("Twice the same", (Choice("a", "Same"), Choice("b", "Same"))), "text"),
        (Buttons("😀" * 600, (Choice("a", "Menu"),)), "text"),  # 1,200 units as Meta may count them
        (Buttons("One", (Choice("a", "😀" * 15),)), "button"),
        (Menu("m" * 1025, "Open", choices(10)), "text"),
        (Menu("Too many", "Open", choices(11)), "text"),
        (NumberRequest("n" * 1025), "text"),
    ],
)
def test_every_kind_of_reply_is_accepted_at_once(send: Send, world: OutsideWorld, reply: Reply, kind: str) -> None:
    sent = send(reply)
    (message,) = world.outbox()
    body = message["body"]
    assert (body["interactive"]["type"] if body["type"] == "interactive" else body["type"]) == kind
    assert (sent.reply_id, sent.messages, sent.degraded) == (message["id"], 1, False)
    assert (message["to"], message["opaque"]) == ("+263772100001", MESSAGE)
    assert len(world.calls("graph")) == 1


def test_choices_that_do_not_fit_are_listed_as_words(send: Send, world: OutsideWorld) -> None:
    send(Menu("Which one?", "Open", tuple(Choice(str(place), f"Child {place}") for place in range(11))))
    assert all(f"Child {place}" in world.texts()[0] for place in range(11))


@pytest.mark.parametrize("word", ["word ", "Zoë😀 ", "line\n"])
def test_long_text_goes_out_whole_and_in_order(send: Send, world: OutsideWorld, word: str) -> None:
    text = "".join(f"{number} {word}" for number in range(1500)).strip()
    sent = send(Text(text))
    parts = world.texts()
    assert sent.messages == len(parts) > 1
    assert "".join("".join(parts).split()) == "".join(text.split())
    assert sent.reply_id == world.outbox()[0]["id"]


def test_someone_without_a_number_is_addressed_by_user_id(send: Send, world: OutsideWorld) -> None:
    send(Text("Hello"), HIDDEN)
    (message,) = world.outbox()
    assert (message["to"], message["user_id"]) == (None, HIDDEN.bsuid)
    assert "to" not in message["body"]


# --- documents --------------------------------------------------------------------------------------------------------


def with_media(media_id: str) -> Document:
    return Document(PASS.filename, PASS.caption, PASS.instead, media_id=media_id)


def operations(world: OutsideWorld) -> list[str]:
    return [call["operation"] for call in world.calls("graph")]


def test_a_document_is_uploaded_then_sent(send: Send, world: OutsideWorld) -> None:
    sent = send(PASS)
    (message,) = world.outbox()
    assert operations(world) == ["upload", "send"]
    assert message["body"]["document"] == {"id": sent.media_id, "filename": PASS.filename, "caption": PASS.caption}
    assert requests.get(message["document"]["link"], timeout=5).content == PDF


def test_earlier_upload_is_used_again(send: Send, world: OutsideWorld) -> None:
    media_id, files = send(PASS).media_id, Files()
    sent = send(with_media(str(media_id)), file=files)
    assert operations(world) == ["upload", "send", "send"]
    assert (files.asked, sent.media_id) == (0, None)


def test_expired_upload_is_made_anew(send: Send, world: OutsideWorld) -> None:
    files = Files()
    sent = send(with_media("123456"), file=files)
    assert operations(world) == ["send", "upload", "send"]
    assert files.asked == 1
    assert sent.media_id
    assert not sent.degraded
    assert len(world.outbox()) == 1


@pytest.mark.parametrize("code", [131053, 100])
def test_a_refused_document_goes_out_as_plain_words(send: Send, world: OutsideWorld, code: int) -> None:
    world.fails("graph", kind="status", status=400, code=code, operation="upload")
    sent = send(PASS)
    assert world.texts() == [PASS.instead]
    assert (sent.degraded, sent.media_id) == (True, None)


def test_a_file_that_is_no_pdf_goes_out_as_plain_words(send: Send, world: OutsideWorld) -> None:
    assert send(PASS, file=Files(b"rubbish")).degraded
    assert world.texts() == [PASS.instead]


def test_a_file_that_cannot_be_read_goes_out_as_plain_words(send: Send, world: OutsideWorld) -> None:
    def gone() -> bytes:
        raise AwsError("s3", "NoSuchKey", 404)

    assert send(PASS, file=gone).degraded
    assert world.texts() == [PASS.instead]


def test_a_failing_upload_is_transient(send: Send, world: OutsideWorld) -> None:
    world.fails("graph", kind="close", operation="upload")
    with pytest.raises(WhatsAppUnavailable):
        send(PASS)
    assert world.outbox() == []


# --- errors -----------------------------------------------------------------------------------------------------------

FAMILIES = {
    WhatsAppUnavailable: [2, 4, 80007, 130429, 131000, 131016, 131048, 131056, 131057, 133004],
    OperatorNeeded: [
        *(0, 3, 10, 190, 200, 299, 368, 130497, 131005, 131031, 131037, 131042, 131045),
        *(132000, 132001, 132005, 132007, 132012, 132015, 132016),
        *(133000, 133005, 133006, 133008, 133009, 133010, 133015, 133016, 134011),
    ],
    Undeliverable: [131021, 131026, 131047, 131049, 131050, 130472, 130403, 131062],
    WhatsAppRefused: [100, 131008, 131009, 131051, 131053, 135000, 999999],
}


@pytest.mark.parametrize(
    ("kind", "code"), [(kind, code) for kind, codes in FAMILIES.items() for code in codes], ids=lambda value: str(value)
)
def test_each_error_code_of_meta_has_its_error_class(
    send: Send, world: OutsideWorld, kind: type[WhatsAppError], code: int
) -> None:
    world.fails("graph", kind="status", status=400, code=code)
    with pytest.raises(WhatsAppError) as failed:
        send(Text("Hello"))
    assert type(failed.value) is kind
    assert failed.value.code == code
    assert "Hello" not in str(failed.value)


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (500, {"error": {"code": 1}}, WhatsAppUnavailable),  # a code we do not know, but the server's fault
        (503, None, WhatsAppUnavailable),
        (502, "x", WhatsAppUnavailable),
        (429, None, WhatsAppUnavailable),
        (200, None, WhatsAppUnavailable),  # HTML with 200
        (401, None, OperatorNeeded),
        (403, {"error": "no"}, OperatorNeeded),
        (404, {"error": {"code": "100"}}, WhatsAppRefused),
        (413, [], WhatsAppRefused),
    ],
)
def test_error_without_a_known_code_is_classed_by_the_http_status(
    status: int, body: Any, kind: type[WhatsAppError]
) -> None:
    assert type(error_of(body, status)) is kind


@pytest.mark.parametrize(
    ("status", "body", "kind"),
    [
        (503, None, DeliveryUnknown),
        (502, "x", DeliveryUnknown),
        (500, {"error": {}}, DeliveryUnknown),
        (200, None, DeliveryUnknown),
        (500, {"error": {"code": 131000}}, WhatsAppUnavailable),  # Meta says that it was not taken
        (429, None, WhatsAppUnavailable),
        (404, None, WhatsAppRefused),
    ],
)
def test_a_send_is_delivery_unknown_when_the_answer_does_not_say(
    status: int, body: Any, kind: type[WhatsAppError]
) -> None:
    assert type(error_of(body, status, DeliveryUnknown)) is kind


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "html"},
        {"kind": "html", "status": 502},
        {"kind": "json", "status": 503, "body": {}},
        {"kind": "json", "body": {}},
        {"kind": "json", "body": {"messages": []}},
        {"kind": "json", "body": {"messages": [{"id": 7}]}},
        {"kind": "json", "body": {"messages": "x"}},
    ],
    ids=str,
)
def test_an_ambiguous_answer_to_a_send_is_delivery_unknown_and_not_sent_again(
    send: Send, world: OutsideWorld, fault: dict[str, Any]
) -> None:
    world.fails("graph", **fault, operation="send")
    with pytest.raises(DeliveryUnknown):
        send(Text("Hello"))
    assert len(world.calls("graph", "send")) == 1


@pytest.mark.parametrize("fault", [{"kind": "html"}, {"kind": "json", "body": {}}], ids=str)
def test_an_ambiguous_answer_to_an_upload_is_transient(send: Send, world: OutsideWorld, fault: dict[str, Any]) -> None:
    world.fails("graph", **fault, operation="upload")
    with pytest.raises(WhatsAppUnavailable):
        send(PASS)
    assert world.outbox() == []


# --- a reply of several messages --------------------------------------------------------------------------------------

LONG = " ".join(f"Line {number} of a long text." for number in range(480))  # three messages


def fail_part(world: OutsideWorld, environment: pytest.MonkeyPatch, part: int, **fault: Any) -> None:
    """The call for this part of a reply (from 0) meets a fault."""
    real, calls = WhatsAppClient._post_once, iter(range(99))

    def post_once(self: WhatsAppClient, *arguments: Any, **content: Any) -> dict[str, object]:
        if next(calls) == part:
            world.fails("graph", **fault, operation="send", times=1)
        return real(self, *arguments, **content)

    environment.setattr(WhatsAppClient, "_post_once", post_once)


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 429},
        {"kind": "status", "status": 400, "code": 131056},
        {"kind": "status", "status": 400, "code": 100},
        {"kind": "status", "status": 400, "code": 131026},
        {"kind": "status", "status": 400, "code": 368},
    ],
    ids=str,
)
@pytest.mark.parametrize(
    "reply",
    [Text(LONG), Buttons(LONG, (Choice("a", "Menu"),)), Document("p.pdf", "Here", instead=LONG)],
    ids=lambda reply: type(reply).__name__,
)
def test_a_reply_goes_on_with_the_part_that_failed(
    send: Send,
    whatsapp: WhatsAppClient,
    world: OutsideWorld,
    environment: pytest.MonkeyPatch,
    reply: Reply,
    fault: dict[str, Any],
) -> None:
    def gone() -> bytes:
        raise AwsError("s3", "NoSuchKey", 404)

    fail_part(world, environment, 1, **fault)
    with pytest.raises(PartlySent) as failed:
        send(reply, file=gone)
    assert (failed.value.parts, failed.value.reply_id) == (1, world.outbox()[0]["id"])
    sent = whatsapp.send(reply, PARENT, MESSAGE, gone, parts_sent=failed.value.parts)
    parts = world.texts()
    assert sent.messages == len(parts) == len(set(parts))
    assert "".join("".join(parts).split()).startswith("".join(LONG.split()))


def test_a_part_whose_delivery_is_unknown_is_not_sent_again(
    send: Send, world: OutsideWorld, environment: pytest.MonkeyPatch
) -> None:
    fail_part(world, environment, 1, kind="lost")
    sent = send(Text(LONG))
    assert sent.reply_id == world.outbox()[0]["id"]
    assert len(world.texts()) == len(set(world.texts())) == 3


def test_refused_buttons_go_out_as_words_and_a_refused_text_raises(send: Send, world: OutsideWorld) -> None:
    world.fails("graph", kind="status", status=400, code=131009, times=1)
    assert send(Buttons("Choose", choices(2))).degraded
    assert world.texts()[0].startswith("Choose")
    world.fails("graph", kind="status", status=400, code=131009)
    with pytest.raises(WhatsAppRefused):
        send(Text("Hello"))
    assert len(world.outbox()) == 1


@pytest.mark.parametrize("reply", [Template("fee_receipt", "en", ("Tariro", "$10", "$5")), Template("reopen", "en")])
def test_a_template_that_meta_does_not_know_needs_an_operator(
    send: Send, world: OutsideWorld, printed: Any, reply: Template
) -> None:
    with pytest.raises(OperatorNeeded) as failed:
        send(reply)
    assert failed.value.code == 132001
    assert len(world.calls("graph")) == 1  # its parameters alone are no message
    assert '"code":132001' in printed.getvalue()


def test_a_template_is_never_sent_as_its_parameters(send: Send, world: OutsideWorld) -> None:
    world.fails("graph", kind="status", status=400, code=100)
    with pytest.raises(WhatsAppRefused):
        send(Template("fee_receipt", "en", ("Tariro", "$10", "$5")))
    assert len(world.calls("graph")) == 1


# --- the token --------------------------------------------------------------------------------------------------------


def test_a_rotated_token_is_fetched_anew_once(
    send: Send, world: OutsideWorld, plan: Plan, answer_secrets_with: AnswerSecrets
) -> None:
    dependencies.secrets().put(TOKEN_NAME, "the old token")
    fetched = answer_secrets_with(plan.access_token)
    send(Text("Hello"))
    assert (fetched, len(world.outbox())) == ([TOKEN_NAME], 1)


def test_a_token_that_stays_wrong_needs_an_operator(
    send: Send, world: OutsideWorld, answer_secrets_with: AnswerSecrets
) -> None:
    dependencies.secrets().put(TOKEN_NAME, "the old token")
    answer_secrets_with("another wrong one")
    with pytest.raises(OperatorNeeded) as failed:
        send(Text("Hello"))
    assert failed.value.code == 190
    assert "token" not in str(failed.value)
    assert len(world.calls("graph")) == 2


# --- no answer --------------------------------------------------------------------------------------------------------


def test_after_a_timeout_nothing_is_sent_twice(
    send: Send, world: OutsideWorld, environment: pytest.MonkeyPatch
) -> None:
    environment.setattr(client, "TIMEOUT", (1.0, 0.2))
    world.fails("graph", kind="slow", seconds=0.4, operation="send")
    with pytest.raises(DeliveryUnknown):
        send(Text("Hello"))
    assert eventually(world.outbox)  # it had arrived
    assert len(world.calls("graph")) == len(world.outbox()) == 1


@pytest.mark.parametrize("kind", ["lost", "close", "silent"])
def test_a_send_without_an_answer_is_made_once(
    send: Send, world: OutsideWorld, environment: pytest.MonkeyPatch, kind: str
) -> None:
    environment.setattr(client, "TIMEOUT", (1.0, 0.2))
    world.fails("graph", kind=kind, operation="send", times=1)
    with pytest.raises(DeliveryUnknown):
        send(Buttons("Choose", choices(1)))
    assert len(world.outbox()) == (1 if kind == "lost" else 0)


def test_unreachable_whatsapp_is_unavailable_not_delivery_unknown(
    environment: pytest.MonkeyPatch, secrets: None
) -> None:
    unreachable = f"http://127.0.0.1:{Ports.free().world}"
    with pytest.raises(WhatsAppUnavailable):
        whatsapp_at(unreachable, "1").send(Text("Hello"), PARENT, MESSAGE, Files())


# --- the typing indicator ---------------------------------------------------------------------------------------------


def test_the_typing_indicator_is_one_call(whatsapp: WhatsAppClient, world: OutsideWorld) -> None:
    assert whatsapp.show_typing(MESSAGE)
    assert [(call["operation"], call["status"], call["detail"]) for call in world.calls("graph")] == [
        ("typing", 200, MESSAGE)
    ]


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "silent"},
        {"kind": "close"},
        {"kind": "html"},
        {"kind": "status", "status": 500},
        {"kind": "status", "status": 400, "code": 100},
        {"kind": "status", "status": 429},
    ],
    ids=lambda fault: str(fault["kind"]),
)
def test_failed_typing_indicator_raises_nothing_and_is_not_retried(
    whatsapp: WhatsAppClient, world: OutsideWorld, environment: pytest.MonkeyPatch, fault: dict[str, Any]
) -> None:
    environment.setattr(client, "TYPING_TIMEOUT", (1.0, 0.1))
    world.fails("graph", **fault)
    assert not whatsapp.show_typing(MESSAGE)
    assert len(world.calls("graph", "typing")) <= 1


def test_typing_indicator_without_a_token_is_left_out(
    plan: Plan, world: OutsideWorld, environment: pytest.MonkeyPatch
) -> None:
    with scripted((500, "")) as server:
        environment.setenv("AWS_ENDPOINT_URL_SECRETS_MANAGER", server.url)
        whatsapp = whatsapp_at(plan.whatsapp_api_url, plan.whatsapp_phone_number_id, "nothing")
        assert not whatsapp.show_typing(MESSAGE)
    assert world.calls("graph") == []


def test_an_answer_of_endless_depth_does_not_say_what_became_of_the_message(plan: Plan, secrets: None) -> None:
    with scripted((200, "[" * 100_000)) as server:
        whatsapp = whatsapp_at(server.url, plan.whatsapp_phone_number_id)
        with pytest.raises(DeliveryUnknown):
            whatsapp.send(Text("hi"), PARENT, MESSAGE, Files())
        assert len(server.requests) == 1  # it may have been delivered


# --- one deadline -----------------------------------------------------------------------------------------------------


class Slowest:
    """A Graph API whose calls take all the time that they are given, on a clock of its own; and what is asked of it."""

    def __init__(self, *answers: tuple[int, dict[str, Any]] | Exception) -> None:
        self.answers, self.now, self.calls = list(answers), 100.0, 0

    def monotonic(self) -> float:
        return self.now

    def post(self, url: str, *, timeout: tuple[float, float], **_: object) -> requests.Response:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else requests.ConnectTimeout()
        if isinstance(answer, requests.ConnectTimeout):
            self.now += timeout[0]
            raise answer
        self.now += sum(timeout)
        if isinstance(answer, Exception):
            raise answer
        response = requests.Response()
        response.status_code, response._content = answer[0], json.dumps(answer[1]).encode()
        return response

    def file(self) -> bytes:
        """Two tries at the document store, as long as they may take."""
        self.now += 2 * sum(document_store.GET_TIMEOUT)
        return PDF

    def get(self, name: str) -> str:
        return "token"

    def expire(self, name: str) -> None:
        pass


REFUSED: tuple[int, dict[str, Any]] = (400, {"error": {"code": 131009}})
UPLOADED: tuple[int, dict[str, Any]] = (200, {"id": "media-1"})
WRONG_TOKEN: tuple[int, dict[str, Any]] = (401, {"error": {"code": 190}})


@pytest.mark.parametrize("reply", [PASS, replace(PASS, media_id="media-0"), Text("x" * 20_000), Buttons("Which?", ())])
@pytest.mark.parametrize(
    "answers",
    [
        (),
        (requests.ConnectTimeout(),),
        (REFUSED, UPLOADED),
        (REFUSED, UPLOADED, REFUSED),
        (WRONG_TOKEN, REFUSED, requests.ConnectTimeout(), UPLOADED),
        (UPLOADED, REFUSED, REFUSED),
        (REFUSED, REFUSED, REFUSED),
        (requests.ConnectTimeout(), REFUSED, requests.ConnectTimeout(), UPLOADED, requests.ConnectTimeout()),
        (requests.ReadTimeout(),),
    ],
    ids=str,
)
def test_a_reply_is_sent_or_given_up_before_its_function_runs_out_of_time(
    monkeypatch: pytest.MonkeyPatch, reply: Reply, answers: tuple[Any, ...]
) -> None:
    slowest = Slowest(*answers)
    monkeypatch.setattr(client, "time", SimpleNamespace(monotonic=slowest.monotonic, sleep=lambda seconds: None))
    whatsapp = WhatsAppClient(slowest, slowest, "https://graph", "1", "token")  # type: ignore[arg-type]
    with suppress(WhatsAppError):
        whatsapp.send(reply, PARENT, MESSAGE, slowest.file)
    assert slowest.calls
    for item in FUNCTIONS:
        if item.sends and item.name != "webhook":
            assert slowest.now - 100.0 < item.timeout - 0.5, item.name


def test_what_was_not_begun_for_lack_of_time_is_certainly_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    slowest = Slowest()
    monkeypatch.setattr(client, "time", SimpleNamespace(monotonic=slowest.monotonic, sleep=lambda seconds: None))
    whatsapp = WhatsAppClient(slowest, slowest, "https://graph", "1", "token")  # type: ignore[arg-type]
    with pytest.raises(WhatsAppUnavailable):
        whatsapp.send(Text("Hello"), PARENT, MESSAGE, slowest.file, deadline=slowest.now + client.LEAST - 0.1)
    assert slowest.calls == 0
