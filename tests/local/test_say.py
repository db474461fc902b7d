"""Writing as a parent, and what is shown of it."""

import argparse
import contextlib
import hashlib
import hmac
import io
import json
import random
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from rich.console import Console

from functions.adapters.whatsapp import inbound
from local import __main__ as command_line
from local import screen
from local.parent import KINDS, SILENT, Parent, button_tap, new_message_id, row_tap, text
from local.plan import Plan, Ports
from local.running import NotRunning, Refused, Running
from local.say import Outcome, _about_execution, say, tap
from local.stack import StackError
from local.world.webhooks import encode, signature

TENDAI = Parent("+263772100002", name="Tendai Ncube")
AMINA = Parent(None, "ZW.24018735520917346650")


def read(parent: Parent, content: dict[str, Any], answers: str | None = None) -> Message:
    """What the product makes of a body, sent over the wire and back."""
    webhook = inbound.read(json.loads(encode(parent.writes(content, "wamid.1", answers))))
    assert webhook.unreadable == ()
    (message,) = webhook.messages
    return message


# --- what is sent ----------------------------------------------------------------------------------------------------


def test_a_text_is_read_as_it_was_written() -> None:
    before = int(time.time())
    message = read(TENDAI, text("Ndinoda gate pass / 100% <ä> 👍"))
    assert (message.id, message.phone, message.text) == ("wamid.1", "+263772100002", "Ndinoda gate pass / 100% <ä> 👍")
    assert message.profile_name == "Tendai Ncube"
    assert before <= message.timestamp <= time.time()


def test_someone_without_a_number_shows_only_the_user_id() -> None:
    body = AMINA.writes(text("hi"), "wamid.1")
    assert "wa_id" not in body["entry"][0]["changes"][0]["value"]["contacts"][0]
    message = read(AMINA, text("hi"))
    assert (message.phone, message.bsuid) == (None, "ZW.24018735520917346650")
    assert AMINA.address == "ZW.24018735520917346650"


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind_of_message_can_be_read(kind: str) -> None:
    message = read(TENDAI, KINDS[kind]("+263772100024"))
    assert message.needs_answer is (kind not in SILENT)


def test_kinds_are_what_they_are_called() -> None:
    assert read(TENDAI, KINDS["voice"]("")).is_voice
    assert read(TENDAI, KINDS["image"]("Proof of payment")).text == "Proof of payment"
    assert read(AMINA, KINDS["my-number"]("+263772100024")).shared_phone == "+263772100024"
    assert read(AMINA, KINDS["contact"]("+263772100024")).shared_phone is None  # a forwarded card proves nothing


def test_taps_carry_their_choice_and_the_message_they_are_in() -> None:
    row = read(TENDAI, row_tap("v1:balance", "1. Fee balance", "What is owed"), answers="wamid.menu")
    button = read(TENDAI, button_tap("v1:menu", "Menu"), answers="wamid.menu")
    assert (row.tap, button.tap, row.about) == ("v1:balance", "v1:menu", "wamid.menu")


def test_the_bytes_are_escaped_as_meta_escapes_them_and_signed() -> None:
    raw = encode({"text": "ä/é"})
    assert raw == b'{"text":"\\u00e4\\/\\u00e9"}'
    assert signature(raw, "secret") == "sha256=" + hmac.new(b"secret", raw, hashlib.sha256).hexdigest()


def test_message_ids_differ() -> None:
    assert len({new_message_id() for _ in range(100)}) == 100


# --- taps ------------------------------------------------------------------------------------------------------------

MENU = {
    "type": "interactive",
    "interactive": {
        "type": "list",
        "body": {"text": "Hello *Rudo*, what can I do?"},
        "footer": {"text": "Shining Smiles"},
        "action": {
            "button": "Open menu",
            "sections": [{"rows": [{"id": "v1:balance", "title": "1. Fee balance", "description": "What is owed"}]}],
        },
    },
}
BUTTONS = {
    "type": "interactive",
    "interactive": {
        "type": "button",
        "body": {"text": "Anything else?"},
        "action": {"buttons": [{"type": "reply", "reply": {"id": "v1:menu", "title": "Menu"}}]},
    },
}


class Shown(Running):
    """A stack whose outbox is given."""

    def __init__(self, *bodies: dict[str, Any]) -> None:
        self._outbox = [{"id": f"wamid.{n}", "time": 1795420800.0, "body": body} for n, body in enumerate(bodies)]

    def world(self, method: str, path: str, body: Any = None, timeout: float = 30, **query: object) -> Any:
        assert (method, path, query) == ("GET", "/outbox", {"to": "263772100002"})
        return self._outbox


@pytest.mark.parametrize("wanted", ["v1:balance", "1. Fee balance", "fee balance", "FEE BALANCE"])
def test_a_row_is_tapped_by_its_id_or_title(wanted: str) -> None:
    content, answers = tap(Shown(MENU, BUTTONS), TENDAI, wanted)
    assert content == row_tap("v1:balance", "1. Fee balance", "What is owed")
    assert answers == "wamid.0"


def test_a_button_is_tapped_in_the_message_that_shows_it() -> None:
    assert tap(Shown(MENU, BUTTONS), TENDAI, "menu") == (button_tap("v1:menu", "Menu"), "wamid.1")


def test_what_cannot_be_tapped_is_answered_with_what_can() -> None:
    with pytest.raises(Refused, match=r"Nothing called 'refund' to tap; there was: Menu \(v1:menu\), 1. Fee balance"):
        tap(Shown(MENU, BUTTONS), TENDAI, "refund")
    with pytest.raises(Refused, match="not shown anything to tap yet"):
        tap(Shown({"type": "text", "text": {"body": "hi"}}), TENDAI, "menu")


# --- what is shown ---------------------------------------------------------------------------------------------------


def drawn(*renderables: Any, width: int = 100) -> str:
    console = Console(width=width, record=True, file=io.StringIO())
    for renderable in renderables:
        console.print(renderable)
    return console.export_text()


def test_replies_are_drawn_as_a_phone_shows_them() -> None:
    document = {"type": "document", "document": {"filename": "Gate pass.pdf", "caption": "Here it is"}}
    contact = {"type": "interactive", "interactive": {"type": "request_contact_info", "body": {"text": "Your number?"}}}
    messages = [
        {"time": 1795420800.0, "body": body}
        for body in ({"type": "text", "text": {"body": "*Owed:* $280.00"}}, MENU, BUTTONS, contact)
    ]
    messages.append({"time": 1795420800.0, "body": document, "document": {"bytes": 27_100}})
    header = {"type": "document", "document": {"filename": "Statement.pdf", "id": "1"}}
    with_header = {"type": "interactive", "interactive": BUTTONS["interactive"] | {"header": header}}
    messages.append({"time": 1795420800.0, "body": with_header, "document": {"bytes": 31_000}})
    picture = drawn(*(screen.reply_bubble(message) for message in messages))
    for words in ("Owed: $280.00", "Hello Rudo", "☰ Open menu", "1. Fee balance", "What is owed", "v1:menu"):
        assert words in picture
    for words in (
        "Share phone number",
        "📄 Gate pass.pdf",
        "27 kB",
        "📄 Statement.pdf",
        "31 kB",
        "Here it is",
        "Shining Smiles",
    ):
        assert words in picture
    assert "*" not in picture


def test_marks_inside_words_and_sums_stay() -> None:
    assert (
        screen.formatted("a *bold* word, snake_case_name, 3 * 4 * 5").plain == "a bold word, snake_case_name, 3 * 4 * 5"
    )


def test_the_parents_own_message_is_drawn_on_the_right() -> None:
    for content, words in (
        (text("hi"), "hi"),
        (KINDS["voice"](""), "🎤 voice note"),
        (row_tap("a", "Menu"), "👆 Menu"),
    ):
        assert drawn(screen.sent_bubble(content)).splitlines()[1].strip().startswith(f"│ {words}")


def state(name: str, start: float, stop: float, inside: str | None = None, error: str | None = None) -> dict[str, Any]:
    return {"name": name, "start": start, "stop": stop, "inside": inside, "ok": error is None, "error": error}


def outcome(**changes: Any) -> Outcome:
    execution = {
        "status": "SUCCEEDED",
        "sent": 100.1,
        "start": 100.12,
        "stop": 102.4,
        "receive_count": 1,
        "error": None,
        "cause": None,
        "timeline": [
            state("Understand", 100.12, 100.2),
            state("Is it urgent?", 100.2, 100.2),
            state("Fetch fees", 100.2, 101.7, "Fetch account"),
            state("Send reply", 101.8, 102.1, error="Graph"),
        ],
    }
    calls = [
        {"service": "graph", "operation": "typing", "start": 100.0, "end": 100.3, "status": 200},
        {"service": "school", "operation": "billed-fees", "start": 100.2, "end": 101.7, "status": 500},
    ]
    replies = [{"time": 102.1, "body": MENU}]
    return Outcome(**({"message_id": "wamid.1", "sent": 100.0, "accepted": 100.15, "status": 200, "replies": replies,
                       "execution": execution, "calls": calls} | changes))  # fmt: skip


def test_the_waterfall_shows_where_the_time_went() -> None:
    lines = drawn(screen.waterfall(outcome(), 110), width=120).splitlines()
    assert lines[0].strip() == (
        "first sign of life 0.30 s · reply 2.10 s: 1.50 s waiting for others, 0.60 s our own · all done 2.40 s"
    )
    labels = [line[:30].strip() for line in lines[1:]]
    assert labels == [
        "front door",
        "WhatsApp: typing",
        "queue",
        "Understand",
        "Fetch fees",
        "school API: billed-fees",
        "Send reply",
    ]  # states that only decide are left out
    assert "1,500 ms" in lines[5]
    assert "✗ 500" in lines[6]
    assert "✗ Graph" in lines[7]
    begins = [line.index(next(mark for mark in "█▂" if mark in line)) for line in lines[1:]]
    assert begins == sorted(begins)


def test_waiting_counts_once_what_ran_side_by_side() -> None:
    def call(operation: str, start: float, end: float) -> dict[str, Any]:
        return {"service": "school", "operation": operation, "start": start, "end": end, "status": 200}

    calls = [call("typing", 100.0, 101.0), call("payments", 101.0, 101.5), call("billed-fees", 101.1, 101.6)]
    late = call("writer", 102.0, 105.0)  # goes on after the reply at 102.1
    assert outcome(calls=[*calls, late]).waited == pytest.approx(0.6 + 0.1)
    assert outcome(replies=[]).waited is None


def test_a_waterfall_of_a_message_without_a_conversation_is_drawn_too() -> None:
    assert "front door" in drawn(screen.waterfall(outcome(execution=None, replies=[], calls=[]), 80))


# --- when there is no reply ------------------------------------------------------------------------------------------


class Quiet(Running):
    """A stack whose queues are given."""

    def __init__(self) -> None:
        self.plan = Plan.create(Path(), Ports.free(), retry_seconds=7)

    def aws(self, method: str, path: str, **query: object) -> Any:
        return {"messages.fifo": {"visible": 2, "in_flight": 1}}


def test_without_a_reply_it_says_what_it_knows() -> None:
    stack = Quiet()
    (waiting,) = _about_execution(stack, outcome(execution=None))
    assert "messages.fifo: 2 waiting, 1 in hand" in waiting
    failed = dict(outcome().execution or {}) | {"status": "TIMED_OUT", "error": "States.Timeout", "receive_count": 3}
    told = _about_execution(stack, outcome(execution=failed))
    assert "timed out (States.Timeout): Understand" in told[0]
    assert told[-1] == "Tried 3 times; the queue offers it again every 7 s."
    (silent,) = _about_execution(stack, outcome())
    assert silent.startswith("The conversation ended without a reply: Understand")


def test_when_nothing_runs_one_line_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(NotRunning, match="make run"):
        Running.find(tmp_path)
    (tmp_path / "plan.json").write_text('{"folder": "x"}')  # of an older version
    with pytest.raises(NotRunning, match="make run"):
        Running.find(tmp_path)
    Plan.create(tmp_path, Ports.free()).save()  # a run that has ended
    with pytest.raises(NotRunning, match="make run"):
        Running.find(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "local", "say", "hi", "--from", "+263772100002", "--folder", str(tmp_path)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (1, "")
    assert "make run" in done.stdout


# --- the command line ------------------------------------------------------------------------------------------------


def test_a_port_in_use_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(StackError, match=f"Port {port} is in use"):
            command_line.ports_from(port)


def test_real_services_are_used_only_with_all_their_credentials() -> None:
    assert command_line.real_services({"SCHOOL_API_KEY": "k", "WHATSAPP_ACCESS_TOKEN": "t"}) == ({}, [])
    settings, names = command_line.real_services({"OPENAI_API_KEY": "sk-1", "SCHOOL_API_KEY": ""})
    assert names == ["OpenAI"]
    assert settings == {"openai_api_key": "sk-1", "openai_api_url": "https://api.openai.com/v1"}


@pytest.mark.parametrize(("given", "phone"), [("+263 772 100 002", "+263772100002"), ("263772100002", "+263772100002")])
def test_numbers_are_taken_with_their_country_code(given: str, phone: str) -> None:
    assert command_line._phone(given) == phone
    with pytest.raises(argparse.ArgumentTypeError, match="country code"):
        command_line._phone("tendai")


@pytest.mark.parametrize(
    ("given", "value"), [("3", 3), ("0.5", 0.5), ("true", True), ("sent,read", ["sent", "read"]), ("", [])]
)
def test_values_of_settings_are_read(given: str, value: object) -> None:
    assert command_line._value(given) == value


# --- the whole thing -------------------------------------------------------------------------------------------------


class Terminal:
    """`python -m local run` as someone starts it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.output = folder / "output"
        with self.output.open("w") as output:
            self.process = psutil.Popen(
                [
                    *(sys.executable, "-m", "local", "run", "--profile", "zero", "--today", "2026-11-23"),
                    *("--folder", str(folder / "run"), "--port", str(four_free_ports())),
                ],
                stdout=output,
                stderr=subprocess.STDOUT,
            )
        deadline = time.monotonic() + 60
        while "Ready" not in self.output.read_text():
            assert self.process.poll() is None, self.output.read_text()
            assert time.monotonic() < deadline, self.output.read_text()
            time.sleep(0.1)
        self.children = self.process.children(recursive=True)

    def command(self, *arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "local", *arguments, "--folder", str(self.folder / "run")],
            capture_output=True,
            text=True,
            check=False,
            cwd=Path(__file__).parents[2],
        )
        assert done.stderr == ""
        return done.stdout

    def left(self) -> list[str]:
        """What still runs a moment after the end."""
        return [" ".join(process.cmdline()) for process in psutil.wait_procs(self.children, timeout=5)[1]]


def four_free_ports() -> int:
    for port in random.sample(range(10_000, 20_000, 4), 100):
        try:
            command_line.ports_from(port)
        except StackError:
            continue
        return port
    raise AssertionError("no free ports")


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    terminal = Terminal(tmp_path)
    yield terminal
    with contextlib.suppress(psutil.NoSuchProcess):
        terminal.process.kill()
        terminal.process.wait()


def test_a_message_is_answered_and_nothing_is_left_after_ctrl_c(terminal: Terminal, tmp_path: Path) -> None:
    running = Running.find(tmp_path / "run")
    outcome = say(running, Parent("+263772100004"), text("balance"))
    assert outcome.status == 200
    assert "Billed" in json.dumps(outcome.replies[0]["body"])
    assert outcome.execution
    assert outcome.execution["status"] == "SUCCEEDED"
    shown = terminal.command("say", "--tap", "gate pass", "--from", "+263772100004", "--save", str(tmp_path / "got"))
    assert "📄" in shown
    assert "first sign of life" in shown
    assert [path.suffix for path in (tmp_path / "got").iterdir()] == [".pdf"]
    assert "kind=silent" in terminal.command("fault", "school", "silent", "--times", "2")
    assert "No faults" in terminal.command("fault", "clear")
    assert "school_api_seconds             0.25" in terminal.command("profile", "--set", "school_api_seconds=0.25")
    assert "expected" in terminal.command("profile", "--set", "school_api_second=1")
    terminal.process.send_signal(signal.SIGINT)
    assert terminal.process.wait(10) == 0
    assert "nothing is left running" in terminal.output.read_text()
    assert terminal.left() == []


def test_nothing_is_left_when_it_is_killed_the_hard_way(terminal: Terminal) -> None:
    assert len(terminal.children) > 10
    terminal.process.kill()
    terminal.process.wait()
    assert terminal.left() == []
