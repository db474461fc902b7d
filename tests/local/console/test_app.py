"""The pages and calls of the console, with a stack that answers from memory."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from local import school_date
from local.console import app as console
from local.console import controls
from local.console.chats import Chats
from local.console.state import ConsoleState
from local.plan import Plan, Ports
from local.stack_client import Refused

SAMPLE = [
    {
        "name": "Rudo Moyo",
        "phone": "+263772100001",
        "user_id": None,
        "number_on_record": "+263772100001",
        "situation": "fully paid",
        "try": "gate pass",
        "children": [{"id": "SSC20250001", "name": "Tariro Moyo", "grade": "Grade 3"}],
    }
]
RUDO = "263772100001"
LIST = {
    "type": "interactive",
    "interactive": {
        "type": "list",
        "body": {"text": "Good *morning*"},
        "action": {"button": "Open menu", "sections": [{"rows": [{"id": "v1:balance", "title": "1. Fee balance"}]}]},
    },
}


class FakeStack:
    """The pages of a running stack."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.asked: list[tuple[str, str, Any]] = []
        self.today = "2026-11-23"

    def world(self, method: str, path: str, body: Any = None, **_: Any) -> Any:
        self.asked.append((method, path, body))
        if path == "/profile":
            return {**dict.fromkeys(controls.DELAYS, 1.0), "name": "zero", **(body or {})}
        if path == "/today":
            return {"today": (body or {}).get("today") or self.today}
        return {"/sample": SAMPLE, "/faults": {}, "/calls": [], "/outbox": []}.get(path, {})

    def aws(self, method: str, path: str, **_: Any) -> Any:
        self.asked.append((method, path, None))
        if path.startswith("/executions/"):
            raise Refused("not among the latest executions")
        return {"/queues": {}, "/pipes": {"conversation": False}}.get(path, {})

    def lambdas(self, method: str, path: str, body: Any = None) -> Any:
        self.asked.append((method, path, body))
        return {}

    def functions(self) -> dict[str, Any]:
        return {}


@pytest.fixture
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConsoleState:
    ports = Ports(*range(23_000, 23_010))
    state = ConsoleState(Plan.create(tmp_path, ports))
    state.running = FakeStack(state.plan)  # type: ignore[assignment]
    state.load_people()
    monkeypatch.setattr(state, "_deliver", lambda *_: None)
    return state


@pytest.fixture
def client(state: ConsoleState) -> Iterator[TestClient]:
    with TestClient(console.create_app(state, lambda _: None), base_url="http://127.0.0.1:8080") as client:
        yield client


def shown(state: ConsoleState, kind: str) -> list[str]:
    return [event.data for event in state.feed.after(0).events if event.kind == kind]


@pytest.mark.parametrize("path", ["/", "/console", "/console/runs", "/console/numbers", "/console/world"])
def test_every_page_loads_from_this_server_only(client: TestClient, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 200
    assert "default-src 'self'" in answer.headers["content-security-policy"]
    assert "style=" not in answer.text  # the policy would block it
    assert "https://" not in answer.text.replace("https://www.w3.org", "")


def test_another_host_gets_nothing(client: TestClient) -> None:
    assert client.get("/", headers={"host": "evil.example"}).status_code == 403


def test_a_text_is_shown_at_once_in_the_chat_of_its_sender(client: TestClient, state: ConsoleState) -> None:
    answer = client.post(f"/console/chats/{RUDO}/messages", data={"kind": "text", "text": "*hi* <b>"})
    message_id = answer.json()["id"]
    (event,) = shown(state, "bubble")
    assert message_id in event
    assert "<strong>hi</strong> &lt;b&gt;" in client.get(f"/console/chats/{RUDO}").text


def test_an_empty_text_is_refused_with_a_reason(client: TestClient) -> None:
    answer = client.post(f"/console/chats/{RUDO}/messages", data={"kind": "text", "text": " "})
    assert (answer.status_code, answer.json()) == (400, {"message": "text: expected some words"})


def test_a_row_of_an_old_message_can_still_be_tapped(client: TestClient, state: ConsoleState) -> None:
    state.on_message({"id": "wamid.old", "time": 1.0, "to": "+263772100001", "user_id": None, "body": LIST})
    for number in range(20):
        client.post(f"/console/chats/{RUDO}/messages", data={"kind": "text", "text": str(number)})
    tap = {"kind": "tap", "choice": "v1:balance", "reply_to": "wamid.old"}
    assert client.post(f"/console/chats/{RUDO}/messages", data=tap).status_code == 200
    chat = state.chats.get(RUDO)
    assert chat is not None
    assert chat.last is not None
    assert chat.last.body["interactive"]["list_reply"] == {"id": "v1:balance", "title": "1. Fee balance"}
    assert client.post(f"/console/chats/{RUDO}/messages", data=tap | {"choice": "v1:other"}).status_code == 400


def test_the_typing_indicator_marks_as_read_and_ends_with_the_reply(client: TestClient, state: ConsoleState) -> None:
    message_id = client.post(f"/console/chats/{RUDO}/messages", data={"kind": "text", "text": "hi"}).json()["id"]
    call = {"service": "graph", "operation": "typing", "status": 200, "detail": message_id}
    state.on_call(call)
    chat = state.chats.get(RUDO)
    assert chat is not None
    assert (chat.is_typing, chat.bubbles[0].ticks) == (True, "read")
    state.on_message({"id": "wamid.r", "time": 9e9, "to": "+263772100001", "user_id": None, "body": LIST})
    assert not chat.is_typing
    state.on_call(call)  # a report that comes late
    assert not chat.is_typing


def test_a_message_of_the_command_line_appears_in_the_chat_with_its_run(
    state: ConsoleState, client: TestClient
) -> None:
    summary = {
        "name": "run-1", "machine": "conversation", "message_id": "wamid.cli", "status": "RUNNING", "start": 1.0,
        "stop": None, "message": {"type": "text", "phone": "+263772100001", "text": "balance"},
    }  # fmt: skip
    state.on_execution(summary)
    state.on_execution(summary | {"status": "SUCCEEDED", "stop": 2.0})
    page = client.get(f"/console/chats/{RUDO}").text
    assert page.count('data-id="wamid.cli"') == 1
    assert 'data-run="run-1"' in page
    assert "run-1" in client.get("/console/runs/rows?q=balance").text


def test_a_run_that_is_gone_is_said_to_be(client: TestClient) -> None:
    assert client.get("/console/runs/none/view").status_code == 400
    assert "not among the latest" in client.get("/console/runs/none").text


def test_changes_of_the_world_use_the_pages_of_the_command_line(client: TestClient, state: ConsoleState) -> None:
    stack: Any = state.running
    for action, fields, expected in [
        (
            "fault",
            {"service": "school", "kind": "status"},
            ("PUT", "/faults/school", {"kind": "status", "status": 500}),
        ),
        ("fault", {"service": "school", "kind": ""}, ("DELETE", "/faults/school", None)),
        ("delay", {"name": "openai_seconds", "value": "3"}, ("PUT", "/profile", {"openai_seconds": 3.0})),
        ("preset", {"name": "zero"}, ("PUT", "/profile", {"name": "zero"})),
        ("pipe", {"name": "conversation", "action": "stop"}, ("POST", "/pipes/conversation/stop", None)),
    ]:
        answer = client.post(f"/console/world/{action}", data=fields)
        assert answer.status_code == 200, answer.text
        assert expected in stack.asked
    assert client.post("/console/world/preset", data={"name": "none"}).status_code == 400
    assert client.post("/console/world/nothing").status_code == 404
    assert len(shown(state, "world")) == 5


def test_a_server_cannot_be_killed_where_make_run_does_not_listen(client: TestClient, state: ConsoleState) -> None:
    stack: Any = state.running
    stack.control = str(state.plan.folder / "control")
    answer = client.post("/console/world/server", data={"name": "redis", "action": "kill"})
    assert answer.status_code == 400
    assert "make run" in answer.json()["message"]


def test_the_date_is_changed_for_the_school_and_for_every_function(
    client: TestClient, state: ConsoleState, monkeypatch: pytest.MonkeyPatch
) -> None:
    aged: list[int] = []
    monkeypatch.setattr(school_date, "age_accounts", lambda _, seconds: aged.append(seconds))
    stack: Any = state.running
    answer = client.post("/console/world/today", data={"date": "2026-05-20"})
    assert answer.json()["message"].startswith("Today at school: 2026-05-20.")
    assert ("PUT", "/today", {"today": "2026-05-20"}) in stack.asked
    assert ("PUT", "/environment", {"SCHOOL_TODAY": "2026-05-20"}) in stack.asked
    assert aged == [school_date.DAY]
    client.post("/console/world/today")
    assert ("PUT", "/environment", {"SCHOOL_TODAY": None}) in stack.asked
    refused = client.post("/console/world/today", data={"date": "tomorrow"})
    assert (refused.status_code, refused.json()["message"]) == (400, "date: expected a date as 2026-11-23")


def test_in_the_holidays_the_tour_offers_a_day_with_gate_passes(client: TestClient, state: ConsoleState) -> None:
    assert "holidays" not in client.get("/").text
    state.running.today = "2026-12-24"  # type: ignore[attr-defined]
    page = client.get("/").text
    assert "The school has holidays today" in page
    day = page.partition('name="date" value="')[2][:10]
    assert state.school.calendar.current(date.fromisoformat(day))


def test_the_page_is_ready_once_the_people_are_known(client: TestClient, state: ConsoleState) -> None:
    assert client.get("/console/ready").status_code == 200
    state.chats = Chats([])
    assert client.get("/console/ready").status_code == 503


def test_times_are_those_of_the_school_as_in_its_texts(client: TestClient, state: ConsoleState) -> None:
    summer = datetime(2026, 7, 1, 12, 0, tzinfo=UTC).timestamp()
    state.on_message({"id": "wamid.t", "time": summer, "to": "+263772100001", "user_id": None, "body": LIST})
    assert "<time>14:00</time>" in client.get(f"/console/chats/{RUDO}").text  # Harare
